import { openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Of a clock that all processes of the machine share, in milliseconds. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** A call and its answer: `first` is when it was first sent, `sent` when the attempt was that got the answer. */
interface Answered {
  readonly first: number
  readonly sent: number
  readonly received: number
}

/** What a reply said of the member: all partitions of the topic that is read. */
interface Told extends Answered {
  readonly epoch: number
  readonly assignment: readonly number[]
  readonly revoking: readonly number[]
}

export type PartitionOffset = readonly [partition: number, nextOffset: number]

/** What a member saw and did, in order. Each line is written before what comes next is done, so a kill loses none. */
export type Entry =
  | ({
      readonly kind: 'joined'
      readonly memberId: string
      /** Whose partitions these are: the instance id, or else the member id. */
      readonly owner: string
      readonly sessionTimeoutMs: number
      readonly maxPollIntervalMs: number
    } & Told)
  | ({ readonly kind: 'page'; readonly ranges: readonly (readonly [number, number, number])[] } & Told)
  | ({ readonly kind: 'beat' } & Told)
  /** About to send a commit, which lets go of these. */
  | {
      readonly kind: 'committing'
      readonly at: number
      readonly offered: readonly PartitionOffset[]
      readonly released: readonly number[]
    }
  | ({
      readonly kind: 'committed'
      readonly offered: readonly PartitionOffset[]
      readonly items: readonly PartitionOffset[]
      readonly refused: readonly number[]
    } & Answered)
  | { readonly kind: 'leaving'; readonly at: number }
  /** The membership is over: the code says why. */
  | ({ readonly kind: 'lost'; readonly code: string; readonly doing: string } & Answered)
  /** Committed offsets as somebody who looks on saw them. */
  | ({ readonly kind: 'observed'; readonly items: readonly PartitionOffset[] } & Answered)
  | { readonly kind: 'wrong'; readonly at: number; readonly text: string }

/** One file for each process. */
export class Journal {
  readonly #file: number

  constructor(file: string) {
    this.#file = openSync(file, 'a')
  }

  write(entry: Entry): void {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`)
  }
}

/** The journals of a folder by name. A kill may cut the last line. */
export function readJournals(folder: string): Map<string, Entry[]> {
  return new Map(
    readdirSync(folder)
      .toSorted()
      .map((name) => [name, readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1).map(parse)]),
  )
}

function parse(line: string): Entry {
  return JSON.parse(line) as Entry
}

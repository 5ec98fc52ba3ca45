import type { BrokerError } from './broker-error.ts'
import type { Clock } from './clock.ts'
import type { CursorCodec } from './cursor.ts'
import type { Engine, OffsetSpec } from './engine.ts'
import { pageOf, partitionKey, type ListPage, type ListRequest } from './list-page.ts'
import { allPartitions } from './partition-selection.ts'
import { parsePosition } from './time-expression.ts'
import { lookUpTopic } from './topic-lookup.ts'

/** A point in a partition where a read can begin. */
export interface ResolvedPosition {
  readonly partition: number
  readonly offset: number
}

export interface OffsetEntry {
  readonly topic: string
  readonly partition: number
  /** null where no record is at or after the time. */
  readonly offset: number | null
  /** The timestamp of the record found; −1 for earliest and latest, and where there is none. */
  readonly timestamp: number
}

/** Offsets by time or end, per partition. */
export class OffsetService {
  readonly #engine: Engine
  readonly #cursors: CursorCodec
  readonly #clock: Clock

  constructor(engine: Engine, cursors: CursorCodec, clock: Clock) {
    this.#engine = engine
    this.#cursors = cursors
    this.#clock = clock
  }

  /** @param at `earliest`, `latest` or a time */
  async list(topic: string, at: string, request: ListRequest): Promise<ListPage<OffsetEntry>> {
    const { partitionCount } = await lookUpTopic(this.#engine, topic)
    const spec = parsePosition(at, this.#clock.now(), 'at')
    const page = pageOf(allPartitions(partitionCount), partitionKey, `offsets of ${topic}`, request, this.#cursors)
    const answers = await this.#engine.listOffsets(page.items.map((partition) => ({ topic, partition, at: spec })))
    const items = answers.map((answer) => {
      if (answer.error !== undefined) throw answer.error
      const { partition, offset, timestamp } = answer
      return { topic, partition, offset, timestamp }
    })
    return { items, nextCursor: page.nextCursor }
  }

  /**
   * Where a read from `at` begins. A time that no record reaches is the end: what comes later is read. A partition that
   * cannot answer begins at `unknown`, so that the read tells its trouble and the others go on; without it, rejects.
   */
  async starts(
    topic: string,
    partitions: readonly number[],
    at: OffsetSpec,
    unknown?: number,
  ): Promise<readonly ResolvedPosition[]> {
    const answers = await this.#engine.listOffsets(partitions.map((partition) => ({ topic, partition, at })))
    const without = answers.filter((answer) => answer.offset === null && answer.error === undefined)
    const ends = await this.#ends(
      topic,
      without.map((answer) => answer.partition),
    )
    return answers.map(({ partition, offset, error }) => ({
      partition,
      offset: error === undefined ? (offset ?? ends.get(partition) ?? 0) : orThrow(unknown, error),
    }))
  }

  /** The newest `count` offsets of each partition, as far as the log goes back. */
  async newest(
    topic: string,
    partitions: readonly number[],
    count: number,
    unknown?: number,
  ): Promise<readonly ResolvedPosition[]> {
    const starts = await this.starts(topic, partitions, 'earliest', unknown)
    const ends = await this.starts(topic, partitions, 'latest', unknown)
    return starts.map(({ partition, offset }, index) => ({
      partition,
      offset: Math.max(offset, (ends[index]?.offset ?? 0) - count),
    }))
  }

  async #ends(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    if (partitions.length === 0) return new Map()
    const ends = await this.starts(topic, partitions, 'latest')
    return new Map(ends.map(({ partition, offset }) => [partition, offset]))
  }
}

function orThrow(value: number | undefined, error: BrokerError): number {
  if (value === undefined) throw error
  return value
}

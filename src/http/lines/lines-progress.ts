import { BrokerError, type Stored } from '../../broker/broker-error.ts'
import type { Durability } from '../../broker/append-request.ts'
import type { PublishResult } from '../../broker/publish-result.ts'

/** What was stored in one partition; offsets null where nothing is vouched for. */
export interface PartitionProgress {
  readonly partition: number
  readonly recordCount: number
  readonly firstOffset: number | null
  readonly lastOffset: number | null
}

/** What became of some lines that follow each other. */
export interface LinesResult {
  readonly firstLine: number
  readonly lastLine: number
  readonly recordCount: number
  readonly partitions: readonly PartitionProgress[]
  readonly durability?: Durability
}

/** What became of the lines that were sent to be stored as one. */
export interface GroupOutcome {
  readonly firstLine: number
  readonly lineCount: number
  /** Of the records of the lines, or of those before the line that is at fault. */
  readonly result?: PublishResult
  /** Why not all of them were stored. */
  readonly error?: BrokerError
  /** The number of the line that is at fault. */
  readonly line?: number
}

/** What is told of the lines from a failure on. */
interface GroupFate {
  readonly firstLine: number
  readonly lastLine: number
  readonly stored: Stored | 'yes'
  readonly failedPartitions?: readonly number[]
}

interface Row {
  partition: number
  recordCount: number
  firstOffset: number
  lastOffset: number
}

/** Counts what was stored of a stream of lines, group after group, in their order. */
export class LinesProgress {
  readonly #rows = new PartitionRows()
  #recordCount = 0
  #durability: Durability | undefined
  #failed: GroupOutcome | undefined
  /** What became of the failed group, and of those behind it that were under way already. */
  readonly #behind: GroupFate[] = []

  /** @returns what was stored of the group; undefined where nothing was */
  add(outcome: GroupOutcome): LinesResult | undefined {
    const { firstLine, lineCount, result, error } = outcome
    const lastLine = firstLine + lineCount - 1
    if (error !== undefined && this.#failed === undefined) this.#failed = outcome
    if (this.#failed !== undefined) this.#behind.push(fateOf(outcome, lastLine))
    if (result === undefined) return undefined
    const rows = new PartitionRows()
    const recordCount = rows.addAll(result)
    this.#rows.addRows(rows)
    this.#recordCount += recordCount
    this.#durability = result.durability
    const through = error !== undefined && outcome.line !== undefined ? outcome.line - 1 : lastLine
    return {
      firstLine,
      lastLine: through,
      recordCount,
      partitions: rows.shown(),
      durability: result.durability,
    }
  }

  /** That not all could be stored of what came. */
  get failed(): boolean {
    return this.#failed !== undefined
  }

  /** Of a stream of which everything was stored. */
  summary(topic: string, lineCount: number) {
    return {
      topic,
      lineCount,
      recordCount: this.#recordCount,
      partitions: this.#rows.shown(),
      ...(this.#durability !== undefined && { durability: this.#durability }),
    }
  }

  /**
   * Why the stream ended before its time, with what was stored of it.
   *
   * @param reading why no more lines were read; what became of the ones before counts first
   * @param line at which reading ended, or which is at fault
   */
  failure(reading: BrokerError, line: number, isAtFault: boolean): BrokerError {
    const failed = this.#failed
    const error = failed?.error ?? reading
    const faulty = failed === undefined ? (isAtFault ? line : undefined) : failed.line
    const nextLine = failed === undefined ? line : (failed.line ?? failed.firstLine)
    const stored = this.#stored(error)
    const subject = faulty === undefined || error.message.startsWith('Line ') ? '' : `Line ${faulty}: `
    return new BrokerError(error.code, `${subject}${error.message} ${this.#whatIsStored(nextLine)}`, {
      ...error.options,
      stored,
      // The same stream again would store what is stored already once more.
      ...(stored !== 'no' && { recovery: 'none' as const }),
      facts: {
        ...error.options.facts,
        ...(faulty !== undefined && { line: faulty }),
        nextLine,
        recordCount: this.#recordCount,
        partitions: this.#rows.shown(),
        ...(failed !== undefined && faulty === undefined && { groups: this.#behind }),
      },
      cause: error,
    })
  }

  #stored(error: BrokerError): Stored {
    if (this.#recordCount > 0 || this.#behind.some(({ stored }) => stored === 'partial')) return 'partial'
    if (this.#behind.some(({ stored }) => stored === 'unknown')) return 'unknown'
    return this.#failed === undefined ? 'no' : (error.options.stored ?? 'no')
  }

  #whatIsStored(nextLine: number): string {
    const others = this.#behind.filter(({ stored }) => stored !== 'no').length
    const behind =
      others > 0 && this.#failed?.line === undefined ? ' Of the lines behind, see "groups" for what is stored.' : ''
    if (this.#recordCount === 0) return behind === '' ? 'Nothing was stored.' : `Nothing before was stored.${behind}`
    return nextLine === 1
      ? `Not all was stored.${behind}`
      : `The lines before line ${nextLine} are stored: go on with that one.${behind}`
  }
}

function fateOf(outcome: GroupOutcome, lastLine: number): GroupFate {
  const { firstLine, result } = outcome
  const failedPartitions = result === undefined ? [] : [...result.failures.keys()]
  const stored = storedOf(outcome)
  return { firstLine, lastLine, stored, ...(failedPartitions.length > 0 && { failedPartitions }) }
}

function storedOf({ result, error }: GroupOutcome): Stored | 'yes' {
  if (error === undefined) return 'yes'
  if (result !== undefined) return 'partial'
  return error.options.stored ?? 'unknown'
}

/** What was stored, by partition. */
class PartitionRows {
  readonly #rows = new Map<number, Row>()

  /** @returns how many records were stored */
  addAll({ columns, failures }: PublishResult): number {
    const { count, partition, offset } = columns
    let row: Row | undefined
    let stored = 0
    for (let record = 0; record < count; record++) {
      const number = partition[record]!
      if (row?.partition !== number) {
        if (failures.has(number)) continue
        row = this.#rowOf(number, offset[record]!)
      }
      row.recordCount++
      row.lastOffset = offset[record]!
      stored++
    }
    return stored
  }

  addRows(others: PartitionRows): void {
    for (const other of others.#rows.values()) {
      const row = this.#rowOf(other.partition, other.firstOffset)
      row.recordCount += other.recordCount
      row.lastOffset = other.lastOffset
    }
  }

  shown(): PartitionProgress[] {
    return [...this.#rows.values()]
      .toSorted((one, other) => one.partition - other.partition)
      .map(({ partition, recordCount, firstOffset, lastOffset }) => ({
        partition,
        recordCount,
        firstOffset: firstOffset < 0 ? null : firstOffset,
        lastOffset: lastOffset < 0 ? null : lastOffset,
      }))
  }

  #rowOf(partition: number, firstOffset: number): Row {
    const known = this.#rows.get(partition)
    if (known !== undefined) return known
    const row = { partition, recordCount: 0, firstOffset, lastOffset: firstOffset }
    this.#rows.set(partition, row)
    return row
  }
}

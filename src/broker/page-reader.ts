import { batchSizeBytes, compressionCodec, isControl, lastOffset } from '../codec/record-batch.ts'
import { CorruptBatchError } from '../codec/corrupt-batch-error.ts'
import { BatchColumns, type PageAllowance } from './batch-columns.ts'
import { BrokerError } from './broker-error.ts'
import type { Clock } from './clock.ts'
import { DecompressedBatches } from './decompressed-batches.ts'
import type { Engine, PartitionRead, ReadPosition } from './engine.ts'
import type { RecordColumns } from './record-columns.ts'

/** Where the records of a page go, in order; the columns are valid during the call only. */
export interface PageSink {
  records(topic: string, partition: number, columns: RecordColumns): void
  /** True once the page is to end with what it has. */
  readonly isFull?: boolean
}

export interface PageLimits {
  readonly maxRecords: number
  /** Bytes of records, without compression; one record is given whatever its size. */
  readonly maxBytes: number
  /** Milliseconds to wait for the first record. */
  readonly waitMs: number
  /** Unix milliseconds: each partition ends before its first record at or after this time. */
  readonly until?: number | undefined
}

/** How far a page came in one partition. */
export interface PageProgress {
  readonly topic: string
  readonly partition: number
  readonly fromOffset: number
  /** Where the next page goes on. */
  nextOffset: number
  /** −1 if unknown. */
  highWatermark: number
  logStartOffset: number
  /** True where `until` was met. */
  ended: boolean
  hasRecords: boolean
  error?: BrokerError
  /** Where the error is in the log's content: the next offset that can be read. */
  nextReadableOffset?: number
}

/** Bytes asked of the engine for one record still wanted: a page of small records does not read a whole megabyte. */
const READ_AHEAD_BYTES_PER_RECORD = 256
const READ_AHEAD_MIN_BYTES = 64 * 1024

export class PageReader {
  readonly #engine: Engine
  readonly #clock: Clock
  readonly #batch = new BatchColumns()
  readonly #decompressed: DecompressedBatches

  constructor(engine: Engine, clock: Clock, decompressed = new DecompressedBatches()) {
    this.#engine = engine
    this.#clock = clock
    this.#decompressed = decompressed
  }

  /**
   * Reads positions in the order given into one page, and waits for the first record if asked to. One partition's error
   * is told in its entry. An error that only accepting a gap can end (out of range, damage) is not waited upon.
   *
   * @param signal ends the wait; the page is then what there is
   * @returns in the order of the positions
   */
  async read(
    positions: readonly ReadPosition[],
    limits: PageLimits,
    sink: PageSink,
    signal?: AbortSignal,
  ): Promise<PageProgress[]> {
    const allowance: PageAllowance = {
      records: limits.maxRecords,
      bytes: limits.maxBytes,
      empty: true,
      until: limits.until ?? Infinity,
    }
    const page = positions.map(startOf)
    const deadline = this.#clock.monotonic() + limits.waitMs
    let pending = page.map((progress, index) => ({ progress, topicId: positions[index]?.topicId }))
    for (;;) {
      const waitMs = allowance.empty && !page.some(isRepairable) ? Math.max(0, deadline - this.#clock.monotonic()) : 0
      const asked = pending.map(({ progress, topicId }) => positionOf(progress, topicId))
      const maxBytes = readAheadBytes(allowance)
      const result = await this.#engine.read({ positions: asked, maxBytes, waitMs, ...(signal && { signal }) })
      const before = pending.map(({ progress }) => progress.nextOffset)
      for (const [index, read] of result.partitions.entries()) {
        const progress = pending[index]?.progress
        if (progress !== undefined) await this.#take(read, progress, allowance, sink)
        // The sink has made its own of them.
        read.release?.()
      }
      const moved = pending.some(({ progress }, index) => progress.nextOffset !== before[index])
      const left = pending.filter(({ progress }) => !progress.ended && progress.error === undefined)
      const stopped = left.length < pending.length
      pending = left
      if (isFinished(allowance, page, pending.length, moved || stopped, signal)) return page
      // Nothing to wait for with data in hand: what is up to date stays so for this page.
      if (!allowance.empty) pending = pending.filter(({ progress }) => progress.nextOffset < progress.highWatermark)
      if (pending.length === 0) return page
    }
  }

  async #take(read: PartitionRead, progress: PageProgress, allowance: PageAllowance, sink: PageSink): Promise<void> {
    progress.highWatermark = read.highWatermark
    progress.logStartOffset = read.logStartOffset
    if (read.nextReadableOffset !== undefined) progress.nextReadableOffset = read.nextReadableOffset
    let full = false
    for (const batches of read.batches) {
      for (let at = 0; at < batches.length && !full; at += batchSizeBytes(batches, at)) {
        const isTaken =
          compressionCodec(batches, at) === 0
            ? this.#takeBatch(batches, at, progress, allowance, sink)
            : await this.#takeCompressed(read.topicId, batches, at, progress, allowance, sink)
        full = !isTaken
      }
    }
    this.#batch.release()
    // An error behind records that were read belongs to the next page.
    if (read.error !== undefined && !full) progress.error = read.error
  }

  /** The same for a batch whose records are to be decompressed, off the event loop where that takes long. */
  async #takeCompressed(
    topicId: string,
    batches: Buffer,
    at: number,
    progress: PageProgress,
    allowance: PageAllowance,
    sink: PageSink,
  ): Promise<boolean> {
    const next = lastOffset(batches, at) + 1
    if (next <= progress.nextOffset) return true
    if (isControl(batches, at)) return this.#takeBatch(batches, at, progress, allowance, sink)
    if (isSpent(allowance)) return false
    this.#batch.release()
    let records
    try {
      const opened = this.#decompressed.records(topicId, progress.partition, batches, at)
      records = opened instanceof Promise ? await opened : opened
    } catch (error) {
      return endAtUnreadable(progress, next, error)
    }
    return this.#takeBatch(batches, at, progress, allowance, sink, records)
  }

  /**
   * @param records of a compressed batch, decompressed
   * @returns false if the page, or this partition, ends within the batch
   */
  #takeBatch(
    batches: Buffer,
    at: number,
    progress: PageProgress,
    allowance: PageAllowance,
    sink: PageSink,
    records?: Buffer,
  ): boolean {
    const next = lastOffset(batches, at) + 1
    if (next <= progress.nextOffset) return true
    if (isControl(batches, at)) {
      progress.nextOffset = next
      return true
    }
    let end
    try {
      end = this.#batch.fill(batches, at, progress.partition, progress.nextOffset, allowance, records)
    } catch (error) {
      return endAtUnreadable(progress, next, error)
    }
    const { columns } = this.#batch
    if (columns.count > 0) {
      sink.records(progress.topic, progress.partition, columns)
      progress.nextOffset = (columns.offset[columns.count - 1] ?? 0) + 1
      progress.hasRecords = true
    }
    if (end === 'all') progress.nextOffset = next
    if (end === 'until') progress.ended = true
    if (sink.isFull === true && progress.hasRecords) {
      allowance.bytes = 0
      return false
    }
    return end === 'all'
  }
}

/** True for an error that lasts until the reader accepts a gap. */
export function isRepairable(progress: PageProgress): boolean {
  return progress.error?.code === 'OFFSET_OUT_OF_RANGE' || progress.error?.code === 'CORRUPT_MESSAGE'
}

function isFinished(
  allowance: PageAllowance,
  page: readonly PageProgress[],
  pendingCount: number,
  progressed: boolean,
  signal: AbortSignal | undefined,
): boolean {
  if (allowance.records === 0 || allowance.bytes <= 0 || pendingCount === 0) return true
  if (!progressed || signal?.aborted === true) return true
  return allowance.empty && page.some(isRepairable)
}

function startOf(position: ReadPosition): PageProgress {
  return {
    topic: position.topic,
    partition: position.partition,
    fromOffset: position.offset,
    nextOffset: position.offset,
    highWatermark: -1,
    logStartOffset: -1,
    ended: false,
    hasRecords: false,
  }
}

function positionOf(progress: PageProgress, topicId: string | undefined): ReadPosition {
  const { topic, partition, nextOffset: offset } = progress
  return topicId === undefined ? { topic, partition, offset } : { topic, topicId, partition, offset }
}

function readAheadBytes(allowance: PageAllowance): number {
  const wanted = Math.max(READ_AHEAD_MIN_BYTES, allowance.records * READ_AHEAD_BYTES_PER_RECORD)
  return Math.max(1, Math.min(allowance.bytes, wanted))
}

/** No further record may come to the page. */
function isSpent(allowance: PageAllowance): boolean {
  return allowance.records === 0 || (allowance.bytes <= 0 && !allowance.empty)
}

/** Of what a batch says of its records, something is not so. @param next behind the batch */
function endAtUnreadable(progress: PageProgress, next: number, error: unknown): false {
  if (!(error instanceof CorruptBatchError)) throw error
  progress.error = unreadable(progress, error)
  progress.nextReadableOffset = next
  return false
}

function unreadable(progress: PageProgress, cause: CorruptBatchError): BrokerError {
  return new BrokerError(
    'CORRUPT_MESSAGE',
    `The record batch at offset ${progress.nextOffset} of ${progress.topic}-${progress.partition} cannot be read.`,
    { cause },
  )
}

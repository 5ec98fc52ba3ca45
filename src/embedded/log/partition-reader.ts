import { BrokerError } from '../../broker/broker-error.ts'
import { type Logger, silentLogger } from '../../broker/logger.ts'
import type { SegmentIndex } from '../index/segment-index.ts'
import { DamageLedger, type FoundDamage } from './damage-ledger.ts'
import { batchInTail, type FoundRecord, findInTailBatch } from './offset-search.ts'
import type { OpenFiles } from './open-files.ts'
import { fencedRangeAt, type OffsetRange, type PartitionView } from './partition-view.ts'
import { Page, type PartitionBatches } from './partition-page.ts'
import { ConcurrencyLimit } from '../../broker/concurrency-limit.ts'
import type { SegmentExtent } from './segment-cursor.ts'
import { extentOf, isInForce, keyOf, logEndOf, segmentPlace } from './segment-extents.ts'
import { SegmentReader } from './segment-reader.ts'

export interface PartitionReaderOptions {
  readonly files: OpenFiles
  readonly index: SegmentIndex
  /** Told once of each damaged stretch that a read meets. */
  readonly logger?: Logger
  /** Reads of segment files at the same time; further ones wait. */
  readonly concurrentReadsMax?: number
}

/** Half of libuv's pool (16, see `main.ts`), so that syncs find a thread. */
const CONCURRENT_READS_MAX = 8
/** Of a read whose file is gone: a segment may be replaced, its file renamed, and the segment removed meanwhile. */
const ATTEMPTS_MAX = 4

/**
 * Reads the partitions of one log directory: from memory what is there, else from segment files, going on over segment
 * boundaries until the page is full. May be called at any time, also while the partition is written, rolled or deleted.
 */
export class PartitionReader {
  readonly #segments: SegmentReader
  readonly #slots: ConcurrencyLimit
  readonly #damage: DamageLedger

  constructor(options: PartitionReaderOptions) {
    this.#segments = new SegmentReader(options.files, options.index)
    this.#damage = new DamageLedger(options.logger ?? silentLogger)
    this.#slots = new ConcurrencyLimit(options.concurrentReadsMax ?? CONCURRENT_READS_MAX)
  }

  /**
   * Batches from the one that holds `offset` on (or the first behind it, where compaction left a hole), all below the
   * high watermark. The first is returned whatever its size; none in [high watermark, log end].
   *
   * Rejects with UNKNOWN_TOPIC_OR_PARTITION if the topic is deleted meanwhile; with OFFSET_OUT_OF_RANGE; with CORRUPT_MESSAGE if the offset lies in a damaged or fenced stretch (its fact
   * `nextReadableOffset` tells where to go on); with KAFKA_STORAGE_ERROR if the disk fails.
   */
  async read(view: PartitionView, offset: number, maxBytes: number): Promise<PartitionBatches> {
    return await retried(view, async () => {
      requireInRange(view, offset)
      const page = new Page(offset, maxBytes)
      while (!page.full && page.nextOffset < view.highWatermark) await this.#extendIfReadable(page, view)
      return page
    })
  }

  /** What precedes a file that cannot be read is a page: only who asks for what lies in it meets the error. */
  async #extendIfReadable(page: Page, view: PartitionView): Promise<void> {
    try {
      await this.#extend(page, view)
    } catch (error) {
      if (page.bytes === 0 || view.dropped || codeOf(error) === undefined) throw error
      page.full = true
    }
  }

  /**
   * The first record below the high watermark and not below the log start whose timestamp is at or above `timestamp`
   * (Unix milliseconds); null if there is none. Damaged stretches hold no record.
   */
  async findByTime(view: PartitionView, timestamp: number): Promise<FoundRecord | null> {
    return await retried(view, async () => {
      for (;;) {
        const found = await this.#searchByTime(view, view.logStartOffset, timestamp)
        if (found !== 'changed') return found
      }
    })
  }

  async #searchByTime(
    view: PartitionView,
    fromOffset: number,
    timestamp: number,
  ): Promise<FoundRecord | null | 'changed'> {
    // Memory is searched at the same moment as the files' extents are taken: between the two nothing can move.
    const batch = batchInTail(view.tail, timestamp, fromOffset)
    const search = batch && findInTailBatch(batch, timestamp, fromOffset)
    const searched = view.segments
      .map((segment, place) => ({ extent: extentOf(view, place), maxTimestamp: segment.maxTimestamp }))
      .filter(({ extent, maxTimestamp }) => maxTimestamp >= timestamp && extent.endOffset > fromOffset)
    for (const { extent } of searched) {
      if (batch && batch.baseOffset < extent.baseOffset) break
      const found = await this.#findInFile(view, extent, timestamp, fromOffset)
      if (!isInForce(view, extent)) return 'changed'
      if (found && (!batch || found.offset <= batch.lastOffset)) return belowHighWatermark(view, found)
    }
    if (!batch) return null
    const inMemory = typeof search === 'function' ? await this.#slots.run(search) : search
    // The log may start behind the one record of the batch that has the time.
    return inMemory ? belowHighWatermark(view, inMemory) : this.#searchByTime(view, batch.lastOffset + 1, timestamp)
  }

  /** What reads have met since the start; of deleted topics too. */
  get damage(): Iterable<FoundDamage> {
    return this.#damage.all
  }

  async #findInFile(view: PartitionView, extent: SegmentExtent, timestamp: number, fromOffset: number) {
    if (extent.fileBytes === 0) return undefined
    const key = keyOf(view, extent)
    const found = await this.#slots.run(() => this.#segments.findByTime(extent, key, timestamp, fromOffset))
    requireLive(view)
    return found
  }

  /** Adds what comes next: a run of the tail, or of one segment's file. */
  async #extend(page: Page, view: PartitionView): Promise<void> {
    const offset = page.nextOffset
    if (offset < view.logStartOffset) return endAtLogStart(page, view)
    const fence = fencedRangeAt(view.fenced, offset)
    if (fence) return endAtDamage(page, view, fence.to)
    const limitOffset = limitOf(view, offset)
    const first = view.tail[0]
    if (first && first.baseOffset <= offset) return page.takeTail(view.tail, limitOffset)

    const place = segmentPlace(view.segments, offset)
    const extent = extentOf(view, place)
    const read = await this.#slots.run(() =>
      this.#segments.read({
        segment: extent,
        key: keyOf(view, extent),
        offset,
        limitOffset,
        maxBytes: page.maxBytes - page.bytes,
        atLeastOne: page.bytes === 0,
      }),
    )
    requireLive(view)
    // It may be the file of a later generation that was read, at places of the earlier one: a gap there would not show.
    if (!isInForce(view, extent)) return
    if (read.damage) return this.#endAtDamage(page, view, read.damage.to ?? this.#behindSegment(view, extent))
    page.add(read.batches, read.bytes, read.nextOffset)
    if (read.stopped) page.full = true
    else if (read.bytes === 0) this.#goOn(page, view, extent)
  }

  /** The file of a segment ends without the offset: it has come to lie elsewhere, or is in a hole, or is lost. */
  #goOn(page: Page, view: PartitionView, extent: SegmentExtent): void {
    const offset = page.nextOffset
    const first = view.tail[0]
    if (first && first.baseOffset <= offset) return
    const segment = view.segments[segmentPlace(view.segments, offset)]
    if (segment && (segment.baseOffset !== extent.baseOffset || segment.fileBytes > extent.fileBytes)) return
    if (segment && segment.generation !== extent.generation) return
    const next = this.#behindSegment(view, extent)
    if (extent.generation > 0 && next > offset) page.nextOffset = next
    else this.#endAtDamage(page, view, next)
  }

  #endAtDamage(page: Page, view: PartitionView, damagedTo: number): void {
    requireLive(view)
    if (page.bytes === 0)
      this.#damage.note(view, { from: page.nextOffset, to: Math.max(damagedTo, page.nextOffset + 1) })
    endAtDamage(page, view, damagedTo)
  }

  /** What somebody else has found in the partition's files, as if a read had met it: told once, and kept. */
  noteDamage(view: PartitionView, range: OffsetRange): void {
    this.#damage.note(view, range)
  }

  /** The first offset that lies behind what is in a segment's file. */
  #behindSegment(view: PartitionView, extent: SegmentExtent): number {
    const next = view.segments.find((segment) => segment.baseOffset > extent.baseOffset)
    const inMemory = view.tail[0]
    return Math.min(next?.baseOffset ?? view.highWatermark, inMemory?.baseOffset ?? view.highWatermark)
  }
}

/** The log start has passed what comes next: a page ends there, one that holds nothing is out of range. */
function endAtLogStart(page: Page, view: PartitionView): void {
  page.full = true
  if (page.bytes === 0) requireInRange(view, page.nextOffset)
}

/** Readers stop at the high watermark, and at the next fenced range. */
function limitOf(view: PartitionView, offset: number): number {
  const fence = view.fenced.find((range) => range.from > offset)
  return Math.min(view.highWatermark, fence?.from ?? view.highWatermark)
}

function behindFences(view: PartitionView, offset: number): number {
  const next = fencedRangeAt(view.fenced, offset)
  return next ? behindFences(view, next.to) : offset
}

function belowHighWatermark(view: PartitionView, found: FoundRecord | undefined): FoundRecord | null {
  return found && found.offset < view.highWatermark ? found : null
}

/** What precedes the damage is a page; if nothing does, the damage is the answer. */
function endAtDamage(page: Page, view: PartitionView, damagedTo: number): void {
  page.full = true
  if (page.bytes > 0) return
  const nextReadableOffset = behindFences(view, Math.max(damagedTo, page.nextOffset + 1))
  throw new BrokerError(
    'CORRUPT_MESSAGE',
    `Offset ${page.nextOffset} of ${view.topic}-${view.partition} is lost to damage on the disk; nothing of it is ` +
      `served. Go on at offset ${nextReadableOffset}, and let the operator check the disk.`,
    { facts: { topic: view.topic, partition: view.partition, offset: page.nextOffset, nextReadableOffset } },
  )
}

function requireInRange(view: PartitionView, offset: number): void {
  const { topic, partition, logStartOffset, highWatermark } = view
  if (offset >= logStartOffset && offset <= logEndOf(view)) return
  const below = offset < logStartOffset
  throw new BrokerError(
    'OFFSET_OUT_OF_RANGE',
    `Offset ${offset} of ${topic}-${partition} is ${below ? 'below the log start' : 'beyond the end of the log'}: ` +
      `the offsets from ${logStartOffset} up to ${highWatermark} can be read.`,
    { status: below ? 410 : 416, facts: { topic, partition, offset, logStartOffset, highWatermark } },
  )
}

/** A file that is gone was deleted or replaced under the read: the partition as it is now has the answer. */
async function retried<T>(view: PartitionView, attempt: () => Promise<T>): Promise<T> {
  const again = async (attempts: number): Promise<T> =>
    attempt().catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT' || attempts === 1) throw error
      return again(attempts - 1)
    })
  try {
    return await again(ATTEMPTS_MAX)
  } catch (error) {
    const code = codeOf(error)
    if (code === undefined) throw error
    if (view.dropped) throw deletedTopic(view)
    throw new BrokerError(
      'KAFKA_STORAGE_ERROR',
      `Partition ${view.topic}-${view.partition} cannot be read (${code}). Try again later; if it stays, the operator ` +
        `must look at the disk of ${view.directory}.`,
      { retryAfterSeconds: 1, cause: error, facts: { topic: view.topic, partition: view.partition } },
    )
  }
}

/** Of a topic deleted meanwhile, the files may be those of another one, made since by the same name. */
function requireLive(view: PartitionView): void {
  if (view.dropped) throw deletedTopic(view)
}

function deletedTopic({ topic }: PartitionView): BrokerError {
  return new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${topic}' was deleted while it was read.`)
}

/** The code of a system error; BrokerErrors and programmer errors have none. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof BrokerError || !('code' in error)) return undefined
  return typeof error.code === 'string' && !error.code.startsWith('ERR_') ? error.code : undefined
}

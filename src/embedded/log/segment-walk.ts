import type { OffsetEntry, SegmentIndex, SegmentKey } from '../index/segment-index.ts'
import { SegmentIndexer } from '../index/segment-indexer.ts'
import { fencedRangeAt } from './partition-view.ts'
import type { SegmentCursor, SegmentExtent } from './segment-cursor.ts'
import type { DamagedStretch, KnownPlace, RunStart } from './sound-run.ts'

/** A walk so much longer than the index' interval means that entries were lost: it leaves new ones behind. */
const LONG_WALK_BYTES = 256 * 1024
const LONG_WALK_INTERVAL_BYTES = 32 * 1024
/** False hints to bear before the walk begins at the segment's beginning. */
const HINTS_MAX = 3

/** How a walk came to stand where it stands. */
export interface WalkStop {
  /** `damaged`: the batch asked for would lie in a damaged stretch. */
  readonly outcome: 'found' | 'end' | 'damaged'
  /** Where the damaged stretch ends, if a batch behind it was found in this segment. */
  readonly damagedTo?: number
}

export interface SegmentWalkOptions {
  readonly cursor: SegmentCursor
  readonly segment: SegmentExtent
  readonly key: SegmentKey
  readonly index: SegmentIndex
  readonly findRun: (stretch: DamagedStretch) => Promise<RunStart | undefined>
}

/**
 * One search in a segment: from a hint of the index, forward to the first batch that fits.
 *
 * A hint that does not hold costs an earlier one, or the walk from the beginning; and where that walk shows that the
 * segment is sound, hence the index wrong, the segment's rows are dropped.
 */
export class SegmentWalk {
  readonly #cursor: SegmentCursor
  readonly #segment: SegmentExtent
  readonly #key: SegmentKey
  readonly #index: SegmentIndex
  readonly #findRun: SegmentWalkOptions['findRun']
  #falseHint = false
  #sawDamage = false
  #indexer: SegmentIndexer | undefined
  #startPosition = 0

  constructor({ cursor, segment, key, index, findRun }: SegmentWalkOptions) {
    this.#cursor = cursor
    this.#segment = segment
    this.#key = key
    this.#index = index
    this.#findRun = findRun
  }

  /** Stands at the first batch whose last offset is at or above `offset`. */
  async toOffset(offset: number): Promise<WalkStop> {
    await this.#startAtOffset(offset)
    return await this.#walk(
      () => this.#cursor.lastOffset >= offset,
      (damagedTo) => offset < damagedTo,
    )
  }

  /**
   * Stands at the first batch that `fits`, among those that may hold a record of that time or later; what is damaged is
   * passed over.
   */
  async toTime(timestamp: number, fits: () => boolean | Promise<boolean>): Promise<WalkStop> {
    const entry = this.#index.floorTime(this.#key, timestamp)
    if (entry === undefined) this.#begin(0, this.#segment.baseOffset, -1)
    else if (await this.#holds(entry)) this.#begin(entry.position, entry.baseOffset, entry.maxTimestampBefore)
    else await this.#startAtOffset(entry.baseOffset - 1)
    return await this.#walk(fits, () => false)
  }

  async #startAtOffset(offset: number): Promise<void> {
    let at = offset
    for (let hints = 0; hints < HINTS_MAX; hints++) {
      const entry = this.#index.floorOffset(this.#key, at)
      if (entry === undefined) break
      if (await this.#holds(entry)) return this.#begin(entry.position, entry.baseOffset, undefined)
      at = entry.baseOffset - 1
    }
    this.#begin(0, this.#segment.baseOffset, -1)
  }

  #begin(position: number, offset: number, maxTimestampBefore: number | undefined): void {
    this.#cursor.seek(position, offset)
    this.#startPosition = position
    this.#indexer = new SegmentIndexer({
      intervalBytes: LONG_WALK_INTERVAL_BYTES,
      position,
      maxTimestamp: maxTimestampBefore,
    })
  }

  /** Whether a batch that begins as the entry says lies where it says. */
  async #holds(entry: OffsetEntry): Promise<boolean> {
    // Of a part that was not in the file yet when this walk began: no lie, but of no use.
    if (entry.position >= this.#segment.fileBytes) return false
    this.#cursor.seek(entry.position, entry.baseOffset)
    const holds = (await this.#cursor.judgeLoaded()) === 'valid' && this.#cursor.baseOffset === entry.baseOffset
    if (!holds) this.#falseHint = true
    return holds
  }

  async #walk(fits: () => boolean | Promise<boolean>, within: (damagedTo: number) => boolean): Promise<WalkStop> {
    for (;;) {
      const judgement = await this.#next()
      if (judgement === 'damaged') {
        this.#sawDamage = true
        const passed = await this.#passDamage()
        if (!passed) return { outcome: 'damaged' }
        const damagedTo = this.#cursor.expectedOffset
        if (within(damagedTo)) return { outcome: 'damaged', damagedTo }
        continue
      }
      const fitting = judgement === 'end' || fits()
      if (typeof fitting === 'boolean' ? fitting : await fitting) {
        this.#judgeHints()
        return { outcome: judgement === 'end' ? 'end' : 'found' }
      }
      this.#note()
      this.#cursor.advance()
    }
  }

  /** Without a turn of the event loop where the batch is loaded already. */
  #next(): 'valid' | 'damaged' | 'end' | Promise<'valid' | 'damaged' | 'end'> {
    const judgement = this.#cursor.judge()
    return judgement === 'unread' ? this.#loadWarily() : judgement
  }

  /** A damaged length may claim most of the file: the index often knows of a batch that begins within. */
  async #loadWarily(): Promise<'valid' | 'damaged' | 'end'> {
    if (this.#cursor.sizeBytes > LONG_WALK_BYTES) {
      const entry = this.#index.entryAfter(this.#key, this.#cursor.expectedOffset)
      if (entry && entry.position < this.#cursor.position + this.#cursor.sizeBytes && !this.#falseHint) {
        return (await this.#isBehind(entry)) ? 'damaged' : await this.#cursor.judgeLoaded()
      }
    }
    return await this.#cursor.judgeLoaded()
  }

  /** Whether the entry holds and lies behind the cursor, which comes back to where it stood. */
  async #isBehind(entry: OffsetEntry): Promise<boolean> {
    const { position, expectedOffset } = this.#cursor
    const behind = entry.position > position && (await this.#holds(entry))
    this.#cursor.seek(position, expectedOffset)
    return behind
  }

  /**
   * Moves the cursor to the next sound batch: where recovery found one behind a fenced range, behind the damaged batch if
   * its length is intact or one bit away from what its CRC proves, else where sound batches begin that lead to the next
   * one which the index knows, or to the end of the file. False if there is none.
   */
  async #passDamage(): Promise<boolean> {
    const { position, expectedOffset } = this.#cursor
    const claimed = this.#cursor.claimedEnd()
    const fence = fencedRangeAt(this.#segment.fenced, expectedOffset)
    if (fence?.resume?.segmentBaseOffset === this.#segment.baseOffset) {
      if (await this.#soundBatchAt(fence.resume.position, fence.to, true)) return true
    }
    if (claimed !== undefined && (await this.#soundBatchAt(claimed, expectedOffset + 1, false))) return true
    const proven = await this.#cursor.provenEnd(position)
    if (proven !== undefined && (await this.#soundBatchAt(proven, expectedOffset + 1, false))) return true
    if (await this.#searchBehind(position, expectedOffset)) return true
    this.#cursor.seek(position, expectedOffset)
    return false
  }

  async #searchBehind(position: number, expectedOffset: number): Promise<boolean> {
    const { generation, fenced, fileBytes, endOffset } = this.#segment
    const known = await this.#knownBehind(position, expectedOffset)
    const end = known ?? { position: fileBytes, offset: endOffset, isBatch: false }
    const run = await this.#findRun({ generation, fenced, position, expectedOffset, end })
    if (run && (await this.#soundBatchAt(run.position, run.baseOffset, true))) {
      this.#index.add(this.#key, { ...run, maxTimestampBefore: undefined })
      return true
    }
    return known !== undefined && (await this.#soundBatchAt(known.position, known.offset, true))
  }

  /** The next sound batch of which the index knows. */
  async #knownBehind(position: number, expectedOffset: number): Promise<KnownPlace | undefined> {
    let after = expectedOffset
    for (;;) {
      const entry = this.#index.entryAfter(this.#key, after)
      if (entry === undefined || entry.position >= this.#segment.fileBytes) return undefined
      if (entry.position > position && (await this.#soundBatchAt(entry.position, entry.baseOffset, true))) {
        return { position: entry.position, offset: entry.baseOffset, isBatch: true }
      }
      after = entry.baseOffset
    }
  }

  /** Stands there with `expectedOffset` set to the batch's own, if it is sound and begins at `offset` (or above). */
  async #soundBatchAt(position: number, offset: number, exactly: boolean): Promise<boolean> {
    const begins = await this.#cursor.baseOffsetAt(position)
    if (begins === undefined || (exactly ? begins !== offset : begins < offset)) return false
    this.#cursor.seek(position, begins)
    return (await this.#cursor.judgeLoaded()) === 'valid'
  }

  /** A walk over sound batches alone has proved which of both, hint or segment, was wrong. */
  #judgeHints(): void {
    if (!this.#falseHint || this.#sawDamage) return
    this.#falseHint = false
    this.#index.dropSegment(this.#key)
  }

  /** Gives the index entries for a stretch it should have known. */
  #note(): void {
    const { position, baseOffset, sizeBytes, maxTimestamp } = this.#cursor
    const entry = this.#indexer?.next(baseOffset, position, sizeBytes, maxTimestamp)
    if (entry && position - this.#startPosition > LONG_WALK_BYTES) this.#index.add(this.#key, entry)
  }
}

import { frameFault } from '../../codec/batch-scan.ts'
import {
  BATCH_HEADER_BYTES,
  BATCH_OVERHEAD_BYTES,
  baseOffset,
  batchSizeBytes,
  checkBatch,
  lastOffset,
  looksLikeBatch,
} from '../../codec/record-batch.ts'
import { ByteWindow, type WantedBytes } from '../log/byte-window.ts'
import { fencedRangeAt, type FencedRange } from '../log/partition-view.ts'

/** A segment as checkpoint and journal have it. */
export interface CheckedSegment {
  readonly baseOffset: number
  /** Counts how often compaction replaced it; only then batches may leave gaps. */
  readonly generation: number
  /** So many bytes hold batches, one behind the other. */
  readonly sizeBytes: number
  /** Every batch ends below it, and without compaction the last one right before it. */
  readonly endOffset: number
  /** Known to be lost: not told once more. */
  readonly fenced: readonly FencedRange[]
  /** From this byte on nobody knows what there should be: the check ends at the first byte that is no batch. */
  readonly knownBytes?: number
}

export interface SegmentDamage {
  readonly position: number
  /** Where the next sound batch begins, or the segment ends. */
  readonly end: number
  /** The first offset that cannot be read for it. */
  readonly from: number
  /** The first offset behind. */
  readonly to: number
  readonly reason: string
}

export interface SegmentCheckSink {
  /** A batch that is what was written. Its bytes hold until the call returns. */
  batch(bytes: Buffer, at: number, position: number): void
  damage(damage: SegmentDamage): void
}

/** Before so much is loaded as one batch, the batch behind it is looked at: a damaged length may claim anything. */
const LARGE_BATCH_BYTES = 8 * 1024 * 1024

/**
 * Judges every batch of a segment: that its CRC is that of its bytes, and that its offsets continue those before it. Goes
 * on behind damage at the next bytes that are a batch of this segment. Knows no files: it asks for bytes, so that what
 * reads may be the main thread or another, and what is read the file or what a start will make of it.
 */
export function* checkSegment(
  segment: CheckedSegment,
  sink: SegmentCheckSink,
  chunkBytes?: number,
): Generator<WantedBytes, void, Buffer> {
  yield* new SegmentCheck(segment, sink, chunkBytes).run()
}

/** What is wrong with the batch at the cursor; undefined = it is sound. */
type Verdict = { readonly reason: string } | undefined

class SegmentCheck {
  readonly #segment: CheckedSegment
  readonly #sink: SegmentCheckSink
  readonly #window: ByteWindow
  #position = 0
  #expectedOffset: number

  constructor(segment: CheckedSegment, sink: SegmentCheckSink, chunkBytes: number | undefined) {
    this.#segment = segment
    this.#sink = sink
    this.#window = new ByteWindow(segment.sizeBytes, chunkBytes)
    this.#expectedOffset = segment.baseOffset
  }

  *run(): Generator<WantedBytes, void, Buffer> {
    const { sizeBytes, knownBytes = sizeBytes } = this.#segment
    while (this.#position < sizeBytes) {
      const verdict = yield* this.#judge()
      if (verdict === undefined) this.#pass()
      else if (this.#position >= knownBytes) return
      else yield* this.#passDamage(verdict.reason)
    }
    this.#checkEnd()
  }

  get #at(): number {
    return this.#window.at(this.#position)
  }

  get #chunk(): Buffer {
    return this.#window.bytes
  }

  *#judge(): Generator<WantedBytes, Verdict, Buffer> {
    if (!(yield* this.#load(BATCH_HEADER_BYTES))) return { reason: this.#shortReason(BATCH_HEADER_BYTES) }
    const sizeBytes = batchSizeBytes(this.#chunk, this.#at)
    const left = this.#segment.sizeBytes - this.#position
    if (sizeBytes > left)
      return { reason: `the batch says that it takes ${sizeBytes} bytes, of which ${left} are left` }
    if (sizeBytes > LARGE_BATCH_BYTES && !(yield* this.#isFollowed(sizeBytes))) {
      return { reason: `the batch says that it takes ${sizeBytes} bytes, and no batch follows there` }
    }
    if (sizeBytes > BATCH_HEADER_BYTES && !(yield* this.#load(sizeBytes)))
      return { reason: this.#shortReason(sizeBytes) }
    return this.#verdict()
  }

  #verdict(): Verdict {
    const at = this.#at
    if (checkBatch(this.#chunk, at, this.#chunk.length) !== 'valid') {
      return { reason: frameFault(this.#chunk, at).reason }
    }
    const first = baseOffset(this.#chunk, at)
    if (!this.#mayBeginWith(first)) {
      return { reason: `the batch begins with offset ${first} where ${this.#expectedOffset} should follow` }
    }
    const last = lastOffset(this.#chunk, at)
    if (last >= this.#segment.endOffset) {
      return { reason: `the batch ends with offset ${last}, but the segment with ${this.#segment.endOffset - 1}` }
    }
    return undefined
  }

  #mayBeginWith(offset: number): boolean {
    const expected = this.#expectedOffset
    if (offset === expected) return true
    if (offset < expected || offset >= this.#segment.endOffset) return false
    return this.#segment.generation > 0 || this.#isFenced(expected, offset)
  }

  #isFenced(from: number, to: number): boolean {
    return this.#segment.fenced.some((range) => range.from <= from && to <= range.to)
  }

  #pass(): void {
    const at = this.#at
    this.#sink.batch(this.#chunk, at, this.#position)
    this.#expectedOffset = lastOffset(this.#chunk, at) + 1
    this.#position += batchSizeBytes(this.#chunk, at)
  }

  *#passDamage(reason: string): Generator<WantedBytes, void, Buffer> {
    const position = this.#position
    const from = this.#expectedOffset
    const found = yield* this.#findNext()
    const end = found?.position ?? this.#segment.sizeBytes
    const to = found?.offset ?? this.#segment.endOffset
    if (!this.#isFenced(from, to)) this.#sink.damage({ position, end, from, to, reason })
    this.#position = end
    this.#expectedOffset = to
  }

  /** The next bytes that are a sound batch with a later offset, and are followed by another one or the end. */
  *#findNext(): Generator<WantedBytes, { readonly position: number; readonly offset: number } | undefined, Buffer> {
    const damagedAt = this.#position
    const resume = fencedRangeAt(this.#segment.fenced, this.#expectedOffset)?.resume
    if (resume?.segmentBaseOffset === this.#segment.baseOffset && resume.position > damagedAt) {
      if (yield* this.#isBatchAt(resume.position)) return this.#here()
    }
    for (let position = damagedAt + 1; position + BATCH_HEADER_BYTES <= this.#segment.sizeBytes; position++) {
      this.#position = position
      if (!(yield* this.#load(BATCH_HEADER_BYTES))) return undefined
      position = this.#nextLookalike()
      if (position >= 0 && (yield* this.#isBatchAt(position))) return this.#here()
      if (position < 0) position = this.#window.loadedTo - BATCH_HEADER_BYTES
    }
    return undefined
  }

  #here(): { readonly position: number; readonly offset: number } {
    return { position: this.#position, offset: baseOffset(this.#chunk, this.#at) }
  }

  /** In the loaded bytes, from the cursor on, the next header that a batch of this segment might have; −1 = none. */
  #nextLookalike(): number {
    const last = this.#chunk.length - BATCH_HEADER_BYTES
    for (let at = this.#at; at <= last; at++) {
      if (!looksLikeBatch(this.#chunk, at)) continue
      const offset = baseOffset(this.#chunk, at)
      if (offset > this.#expectedOffset && offset < this.#segment.endOffset) return this.#window.position(at)
    }
    return -1
  }

  *#isBatchAt(position: number): Generator<WantedBytes, boolean, Buffer> {
    this.#position = position
    if (!(yield* this.#load(BATCH_HEADER_BYTES))) return false
    const sizeBytes = batchSizeBytes(this.#chunk, this.#at)
    if (sizeBytes < BATCH_HEADER_BYTES || position + sizeBytes > this.#segment.sizeBytes) return false
    if (!(yield* this.#isFollowed(sizeBytes)) || !(yield* this.#load(sizeBytes))) return false
    return (
      checkBatch(this.#chunk, this.#at, this.#chunk.length) === 'valid' &&
      lastOffset(this.#chunk, this.#at) < this.#segment.endOffset
    )
  }

  /** Whether the segment ends behind so many bytes, or something that may be a batch begins there. */
  *#isFollowed(sizeBytes: number): Generator<WantedBytes, boolean, Buffer> {
    const position = this.#position
    const behind = position + sizeBytes
    if (behind === this.#segment.sizeBytes) return true
    this.#position = behind
    const followed = (yield* this.#load(BATCH_HEADER_BYTES)) && looksLikeBatch(this.#chunk, this.#at)
    this.#position = position
    return (yield* this.#load(BATCH_HEADER_BYTES)) && followed
  }

  /** So many bytes from the cursor on; false where the file ends before. */
  #load(length: number): Generator<WantedBytes, boolean, Buffer> {
    return this.#window.load(this.#position, length)
  }

  #shortReason(neededBytes: number): string {
    const { sizeBytes } = this.#segment
    const { end } = this.#window
    if (end < sizeBytes) return `the file ends at byte ${end}, and should at byte ${sizeBytes}`
    return `${sizeBytes - this.#position} bytes are left where a batch takes at least ${Math.max(neededBytes, BATCH_OVERHEAD_BYTES)}`
  }

  /** Without compaction a segment's offsets leave no gap, at its end neither. */
  #checkEnd(): void {
    const { generation, endOffset, sizeBytes, knownBytes } = this.#segment
    const from = this.#expectedOffset
    if (generation > 0 || knownBytes !== undefined || from >= endOffset || this.#isFenced(from, endOffset)) return
    const reason = `the last batch ends with offset ${from - 1}, but the segment with ${endOffset - 1}`
    this.#sink.damage({ position: sizeBytes, end: sizeBytes, from, to: endOffset, reason })
  }
}

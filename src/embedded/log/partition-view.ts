/** What a reader may see of one partition: facts held in memory on the main thread, changed only between two events. */
export interface PartitionView {
  readonly topic: string
  /** 22 characters of base64url. */
  readonly topicId: string
  readonly partition: number
  /** Absolute path of the partition's directory. */
  readonly directory: string
  readonly logStartOffset: number
  /** First offset that is not durable: readers stop before it. */
  readonly highWatermark: number
  /** Next offset to be given out; at or above the high watermark. */
  readonly logEndOffset: number
  /** In offset order; never empty; the last one is active. */
  readonly segments: readonly SegmentView[]
  /**
   * The newest batches, kept in memory: contiguous, in offset order, ending at the log end. Whatever is not yet in its
   * segment's file is here; batches that are may be here too. Their memory goes when they leave the tail: whoever keeps
   * bytes of one beyond the present event makes a copy.
   */
  readonly tail: readonly TailBatch[]
  /** Offset ranges lost to damage, in order; reading one is CORRUPT_MESSAGE with the next readable offset. */
  readonly fenced: readonly FencedRange[]
  /** Its topic is deleted: memory is given up, files may be gone at any moment. Stays so. */
  readonly dropped: boolean
}

export interface SegmentView {
  readonly baseOffset: number
  /**
   * Changes when the segment's file is replaced (compaction): index rows of another generation do not count. 0 = never
   * replaced: its offsets are dense, so a reader takes a gap that is not fenced for damage.
   */
  readonly generation: number
  /** Absolute path of the `.log` file. */
  readonly path: string
  /** Bytes that are in the file and may be read; what is beyond is in the tail. */
  readonly fileBytes: number
  /** Of all its batches, those in memory included; −1 while it holds no record with a timestamp. */
  readonly maxTimestamp: number
}

export interface TailBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly maxTimestamp: number
  readonly segmentBaseOffset: number
  /** Where the batch begins in its segment's file. */
  readonly position: number
  readonly bytes: Buffer
}

/** `from` ≤ offset < `to`. */
export interface OffsetRange {
  readonly from: number
  readonly to: number
}

export interface FencedRange extends OffsetRange {
  /**
   * Where the batch behind the range begins, if it lies in the segment in which the damage is: what is before it in
   * that file cannot be stepped over. Absent where the next readable batch begins a segment.
   */
  readonly resume?: { readonly segmentBaseOffset: number; readonly position: number }
}

/** The range that keeps an offset from readers. */
export function fencedRangeAt(fenced: readonly FencedRange[], offset: number): FencedRange | undefined {
  return fenced.find((range) => range.from <= offset && offset < range.to)
}

/**
 * Where in a segment to begin looking: a cache of the segments, never trusted over them.
 *
 * A lookup is a hint. The reader checks that the batch at the position parses and lies as the entry says; if not, it
 * calls `dropSegment` and scans. Losing entries costs time, never an answer.
 */
export interface SegmentIndex {
  /** The greatest entry at or below `offset`; undefined = scan from the segment's beginning. Cheap: main thread. */
  floorOffset(segment: SegmentKey, offset: number): OffsetEntry | undefined
  /** The least entry above `offset`: where to go on behind a damaged batch. */
  entryAfter(segment: SegmentKey, offset: number): OffsetEntry | undefined
  /** The newest entry whose timestamp is below `timestamp`: every record before its offset is older. */
  floorTime(segment: SegmentKey, timestamp: number): TimeEntry | undefined
  /** Queues entries; they are written in batches by a worker, some time later. Never fails, may drop. */
  add(segment: SegmentKey, entry: IndexEntry): void
  /**
   * Queues the removal of a segment's rows. Also for whoever cuts a segment's file (recovery): entries of bytes that are
   * gone must not outlive them, as other batches may come to lie there.
   */
  dropSegment(segment: SegmentKey): void
  dropTopic(topicId: string): void
  close(): Promise<void>
}

export interface SegmentKey {
  readonly topicId: string
  readonly partition: number
  readonly segmentBaseOffset: number
  readonly generation: number
}

/** One entry about every `index.interval.bytes` of a segment, at the start of a batch. */
export interface IndexEntry {
  /** Base offset of the batch that begins at `position`. */
  readonly baseOffset: number
  readonly position: number
  /**
   * Largest timestamp of the segment's batches before `position`; −1 = none has one; undefined = not known (the entry
   * is then of use by offset only).
   */
  readonly maxTimestampBefore: number | undefined
}

export interface OffsetEntry {
  readonly baseOffset: number
  readonly position: number
}

export interface TimeEntry {
  readonly baseOffset: number
  readonly position: number
  /** Largest timestamp of the segment's batches before `position`. */
  readonly maxTimestampBefore: number
}

import type { SegmentKey } from './segment-index.ts'

/** Numbers of a row in `WriteBatch.rows`: place of its segment, offset, position, timestamp before (NaN = not known). */
export const ROW_FIELDS = 4

/** Entries for the index, in the order they were added. */
export interface WriteBatch {
  readonly kind: 'write'
  readonly segments: readonly SegmentKey[]
  readonly rows: Float64Array
}

/** A segment for a rebuild to scan. */
export interface IndexedSegment {
  readonly key: SegmentKey
  readonly path: string
  /** Only so much of the file is scanned. */
  readonly fileBytes: number
  /** The topic's `index.interval.bytes`. */
  readonly intervalBytes: number
}

/** To the worker. All but `rebuild` are answered by `done`, in order. */
export type IndexRequest =
  | WriteBatch
  | { readonly kind: 'dropSegment'; readonly segment: SegmentKey }
  | { readonly kind: 'dropTopic'; readonly topicId: string }
  /** Fills in the entries of a segment that was written whole; answered when it has begun. */
  | { readonly kind: 'scan'; readonly segment: IndexedSegment }
  /** Deletes the database and makes an empty one. The sender has closed it. */
  | { readonly kind: 'recreate' }
  /** Scans the segments while it goes on to take requests; answered by `rebuilt`. */
  | { readonly kind: 'rebuild'; readonly segments: readonly IndexedSegment[] }
  | { readonly kind: 'close' }

/** From the worker. */
export type IndexReply =
  /** The database is open; `complete` = it was, or has been, filled from all segments. */
  | { readonly kind: 'opened'; readonly complete: boolean; readonly reason?: string }
  | { readonly kind: 'done'; readonly trouble?: string; readonly damaged?: boolean }
  | {
      readonly kind: 'rebuilt'
      readonly segments: number
      readonly bytes: number
      readonly entries: number
      readonly trouble?: string
    }

export interface IndexWorkerData {
  readonly path: string
}

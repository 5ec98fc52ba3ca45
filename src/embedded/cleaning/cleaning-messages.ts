import type { CleaningSegment } from './segment-batches.ts'

/** To the cleaning thread: one round over one partition's log. */
export interface CleaningJob {
  readonly kind: 'clean'
  readonly directory: string
  /** All up to the first that must not be cleaned, in offset order, each wholly synced. */
  readonly segments: readonly CleaningSegment[]
  readonly firstDirtyOffset: number
  /** Behind the last of the segments. */
  readonly firstUncleanableOffset: number
  readonly segmentBytesMax: number
  readonly nowMs: number
  readonly deleteRetentionMs: number
  readonly mayExpireTombstones: boolean
  readonly lastOffsetsOfProducers: ReadonlyMap<bigint, number>
  /** The thread gives up rather than leave less free on the disk. */
  readonly keepFreeBytes: number
}

export type CleaningRequest =
  | CleaningJob
  /** What was made of the last group is in force: go on. */
  | { readonly kind: 'proceed' }
  /** It did not come into force: end the round. */
  | { readonly kind: 'abandon' }
  | { readonly kind: 'close' }

/** Segments that become one: its file lies whole and synced under the name `cleaned`. */
export interface CleanedGroup {
  readonly baseOffset: number
  readonly generation: number
  /** How many of the job's segments it replaces, those of earlier groups not counted. */
  readonly segmentCount: number
  readonly sizeBytes: number
  /** −1 = none. */
  readonly maxTimestamp: number
  /** Of its first batch; −1 = none. */
  readonly firstTimestamp: number
  /** Everything below is clean once this group, the round's last, is in force; absent = more come. */
  readonly cleanUntil?: number
}

export interface CleaningFigures {
  readonly bytesBefore: number
  readonly bytesAfter: number
  readonly recordsRead: number
  readonly recordsKept: number
  /** Keys that had room; where they were all that fit, `isMapFull`. */
  readonly keys: number
  readonly isMapFull: boolean
  readonly durationMs: number
}

export type CleaningEnd =
  | { readonly outcome: 'cleaned'; readonly figures: CleaningFigures }
  /** The rest of the log was changed or is going away meanwhile. */
  | { readonly outcome: 'abandoned' }
  | { readonly outcome: 'disk-full'; readonly reason: string }
  | { readonly outcome: 'damaged'; readonly segmentBaseOffset: number; readonly reason: string }
  /** `passes`: time mends it. */
  | { readonly outcome: 'failed'; readonly reason: string; readonly passes: boolean }

export type CleaningReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'group'; readonly group: CleanedGroup }
  | ({ readonly kind: 'end' } & CleaningEnd)

export interface CleaningWorkerData {
  /** 16 random bytes. */
  readonly secret: Uint8Array
  readonly dedupeBytes: number
  readonly loadFactor: number
  readonly ioBufferBytes: number
  /** Read and written; Infinity = as fast as it goes. */
  readonly ioBytesPerSecondMax: number
  /** One word that is not 0 once the round is to end. */
  readonly stop: SharedArrayBuffer
}

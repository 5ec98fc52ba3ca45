import type { CheckedSegment, SegmentDamage } from '../verify/segment-check.ts'

/** To the thread that reads again: one segment, as far as it is in its file. */
export interface ScrubJob extends CheckedSegment {
  readonly kind: 'scrub'
  readonly path: string
}

export type ScrubRequest = ScrubJob | { readonly kind: 'close' }

export type ScrubEnd =
  | { readonly outcome: 'read'; readonly damage: readonly SegmentDamage[] }
  /** The file is gone: it was deleted or replaced meanwhile. */
  | { readonly outcome: 'gone' }
  | { readonly outcome: 'stopped' }
  | { readonly outcome: 'failed'; readonly reason: string }

export interface ScrubWorkerData {
  readonly bytesPerSecondMax: number
  /** Two words: not 0 once the job is to end; bytes of the present job that were read. */
  readonly words: SharedArrayBuffer
}

export const STOP_WORD = 0
export const READ_WORD = 1

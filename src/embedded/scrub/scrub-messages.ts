import type { CheckedSegment, SegmentDamage } from '../verify/segment-check.ts'

/** To the thread that reads again: one segment, as far as it is in its file. */
export interface ScrubJob extends CheckedSegment {
  readonly kind: 'scrub'
  readonly path: string
}

export type ScrubRequest = ScrubJob | { readonly kind: 'close' }

export type ScrubEnd =
  | { readonly outcome: 'read'; readonly damage: readonly SegmentDamage[] }
  /** There is no such file: it was deleted or replaced meanwhile, or is lost. */
  | { readonly outcome: 'gone' }
  | { readonly outcome: 'stopped' }
  /** The file itself cannot be opened or read. */
  | { readonly outcome: 'unreadable'; readonly reason: string }
  /** Not the file's fault: the process has no descriptor or memory left for it at the moment. */
  | { readonly outcome: 'busy'; readonly reason: string }
  /** The thread has ended, and with it what it was doing. */
  | { readonly outcome: 'failed'; readonly reason: string }

export interface ScrubWorkerData {
  readonly bytesPerSecondMax: number
  /** Two words: not 0 once the job is to end; bytes of the present job's file that were read. */
  readonly words: SharedArrayBuffer
}

export const STOP_WORD = 0
export const READ_WORD = 1

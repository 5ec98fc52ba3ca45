import type { TopicConfig } from '../../broker/topic-config.ts'

/** What the policy asks of a segment. */
export interface RetainedSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
  /** Of its records; where none has one, the time at which its file was last written; Infinity = not known. */
  readonly largestTimestamp: number
}

/** A partition's log as the policy sees it. */
export interface RetainedLog {
  /** In offset order; never empty; the last one is active. */
  readonly segments: readonly RetainedSegment[]
  readonly logStartOffset: number
  readonly highWatermark: number
  /** At or above the high watermark: a segment that may hold what is between is not touched. */
  readonly logEndOffset: number
}

export type RetentionConfig = Pick<TopicConfig, 'cleanupPolicy' | 'retentionMs' | 'retentionBytes'>

/** How many segments go by each rule: the oldest by the first rule, those behind them by the next, and so on. */
export interface RetentionVerdict {
  readonly byLogStart: number
  readonly bySize: number
  readonly byTime: number
  /** The oldest segment that stays, where a timestamp yet to come keeps it, and with it all that is behind. */
  readonly pinned: RetainedSegment | undefined
}

/**
 * Which segments go now, the active one among them where it goes by its records too: Kafka's rules
 * (UnifiedLog.deleteOldSegments). Whole segments, oldest first, up to the first that has to stay.
 *
 * @param nowMs undefined while the clock is not to be believed: then nothing goes by its age
 */
export function retentionVerdict(log: RetainedLog, config: RetentionConfig, nowMs?: number): RetentionVerdict {
  const { segments, logStartOffset } = log
  const deletes = config.cleanupPolicy.includes('delete')
  const byLogStart = runOf(log, 0, (_, next) => next !== undefined && next.baseOffset <= logStartOffset)
  const bySize = deletes ? runBySize(log, byLogStart, config.retentionBytes) : 0
  const kept = byLogStart + bySize
  const { retentionMs } = config
  if (!deletes || retentionMs < 0 || nowMs === undefined) return { byLogStart, bySize, byTime: 0, pinned: undefined }
  const byTime = runOf(log, kept, ({ largestTimestamp }) => nowMs - largestTimestamp > retentionMs)
  const first = segments[kept + byTime]
  const isPinned = first && Number.isFinite(first.largestTimestamp) && first.largestTimestamp > nowMs
  return { byLogStart, bySize, byTime, pinned: isPinned ? first : undefined }
}

/** The log never falls below `retention.bytes`, so it exceeds that by up to a segment. */
function runBySize(log: RetainedLog, from: number, retentionBytes: number): number {
  if (retentionBytes < 0) return 0
  let excess = log.segments.slice(from).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) - retentionBytes
  if (excess < 0) return 0
  return runOf(log, from, ({ sizeBytes }) => {
    excess -= sizeBytes
    return excess >= 0
  })
}

/** How many segments in a row, from one on, may go and do. */
function runOf(
  { segments, highWatermark, logEndOffset }: RetainedLog,
  from: number,
  goes: (segment: RetainedSegment, next: RetainedSegment | undefined) => boolean,
): number {
  let at = from
  for (; at < segments.length; at++) {
    const segment = segments[at]
    const next = segments[at + 1]
    if (!segment || (!next && segment.sizeBytes === 0)) break
    if (highWatermark < (next?.baseOffset ?? logEndOffset) || !goes(segment, next)) break
  }
  return at - from
}

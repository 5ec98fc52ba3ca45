import type { TopicConfig } from '../../broker/topic-config.ts'

/** What the policy asks of a segment. */
export interface CleanableSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
  /** −1 = none of its records has one. */
  readonly maxTimestamp: number
  /** Of its first batch; −1 = none. */
  readonly firstTimestamp: number
  readonly createdMs: number
}

/** A partition's log as the policy sees it. */
export interface CleanableLog {
  /** In offset order; the last one is active. */
  readonly segments: readonly CleanableSegment[]
  /** What is below was compacted before. */
  readonly firstDirtyOffset: number
  readonly logStartOffset: number
  readonly highWatermark: number
  /** The segment that holds this offset, and those behind it, must be left as they are; Infinity = none. */
  readonly untouchableFrom: number
}

export interface LogDirtiness {
  readonly firstDirtyOffset: number
  /** The base of the first segment that must not be cleaned yet. */
  readonly firstUncleanableOffset: number
  readonly cleanBytes: number
  /** Dirty, and cleanable now. */
  readonly cleanableBytes: number
  /** Share of the dirty bytes in what a round would read; 0 for an empty log. */
  readonly dirtyRatio: number
  /** Its oldest dirty record has waited longer than `max.compaction.lag.ms`. */
  readonly isOverdue: boolean
}

type CompactionConfig = Pick<TopicConfig, 'minCompactionLagMs' | 'maxCompactionLagMs'>

/** How much of a log could be compacted now: Kafka's rules (LogCleanerManager.cleanableOffsets, LogToClean). */
export function assessLog(log: CleanableLog, config: CompactionConfig, nowMs: number): LogDirtiness {
  const { segments, highWatermark } = log
  const firstDirtyOffset = firstDirty(log)
  const inactive = segments.slice(0, -1)
  const dirty = inactive.filter((_, place) => endOf(segments, place) > firstDirtyOffset)
  const bound = Math.min(highWatermark, log.untouchableFrom, tooYoungFrom(log, dirty, config, nowMs))
  // Of a segment that reaches beyond the bound, nothing can be cleaned.
  const cleanableCount = inactive.findIndex((_, place) => endOf(segments, place) > bound)
  const cleanable = cleanableCount < 0 ? inactive : inactive.slice(0, cleanableCount)
  const firstUncleanableOffset = segments[cleanable.length]?.baseOffset ?? firstDirtyOffset
  const cleanBytes = bytesOf(segments.filter(({ baseOffset }) => baseOffset < firstDirtyOffset))
  const cleanableBytes = bytesOf(cleanable.filter((_, place) => endOf(segments, place) > firstDirtyOffset))
  const totalBytes = cleanBytes + cleanableBytes
  return {
    firstDirtyOffset,
    firstUncleanableOffset,
    cleanBytes,
    cleanableBytes,
    dirtyRatio: totalBytes === 0 ? 0 : cleanableBytes / totalBytes,
    isOverdue: isOverdue(dirty, config, nowMs),
  }
}

/** Whether a round is worth while, or was promised. */
export function isDue(dirtiness: LogDirtiness, config: Pick<TopicConfig, 'minCleanableDirtyRatio'>): boolean {
  const { cleanableBytes, dirtyRatio, isOverdue: overdue } = dirtiness
  return cleanableBytes > 0 && (overdue || dirtyRatio > config.minCleanableDirtyRatio)
}

/** Of several logs that are due, the dirtiest. */
export function dirtiest<T extends { readonly dirtiness: LogDirtiness }>(due: Iterable<T>): T | undefined {
  let chosen: T | undefined
  for (const candidate of due) {
    if (!chosen || candidate.dirtiness.dirtyRatio > chosen.dirtiness.dirtyRatio) chosen = candidate
  }
  return chosen
}

function firstDirty({ firstDirtyOffset, logStartOffset, highWatermark, segments }: CleanableLog): number {
  const start = Math.max(logStartOffset, segments[0]?.baseOffset ?? 0)
  return firstDirtyOffset < start || firstDirtyOffset > highWatermark ? start : firstDirtyOffset
}

/** The base of the first dirty segment with a record that `min.compaction.lag.ms` still protects. */
function tooYoungFrom(
  { segments }: CleanableLog,
  dirty: readonly CleanableSegment[],
  { minCompactionLagMs }: CompactionConfig,
  nowMs: number,
): number {
  if (minCompactionLagMs <= 0) return Infinity
  const young = dirty.find((segment) => newestMs(segments, segment) > nowMs - minCompactionLagMs)
  return young?.baseOffset ?? Infinity
}

/** Without timestamps, the time at which it was written last: when the one behind it was begun. */
function newestMs(segments: readonly CleanableSegment[], segment: CleanableSegment): number {
  if (segment.maxTimestamp >= 0) return segment.maxTimestamp
  return segments[segments.indexOf(segment) + 1]?.createdMs ?? segment.createdMs
}

function isOverdue(dirty: readonly CleanableSegment[], { maxCompactionLagMs }: CompactionConfig, nowMs: number) {
  return dirty.some(({ firstTimestamp }) => firstTimestamp > 0 && firstTimestamp < nowMs - maxCompactionLagMs)
}

function endOf(segments: readonly CleanableSegment[], place: number): number {
  return segments[place + 1]?.baseOffset ?? Infinity
}

function bytesOf(segments: readonly CleanableSegment[]): number {
  return segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

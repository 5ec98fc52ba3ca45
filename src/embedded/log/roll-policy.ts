import type { TopicConfig } from '../../broker/topic-config.ts'

export interface ActiveSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
  readonly firstTimestamp: number
  readonly createdMs: number
  /** Share of `segment.jitter.ms`, 0 ≤ share < 1. */
  readonly jitter: number
}

export interface IncomingBatch {
  readonly sizeBytes: number
  readonly maxTimestamp: number
  readonly lastOffset: number
}

/** Offsets within a segment are stored relative to its base, in 31 bits. */
const OFFSET_SPAN_MAX = 2 ** 31 - 1

/**
 * Whether the batch begins a new segment: Kafka's rule (UnifiedLog.maybeRoll, LogSegment.shouldRoll). Time is that of
 * the records where the segment's first batch has one, else the wall clock; an idle partition never rolls.
 */
export function shouldRoll(segment: ActiveSegment, batch: IncomingBatch, config: TopicConfig, nowMs: number): boolean {
  if (segment.sizeBytes > config.segmentBytes - batch.sizeBytes) return segment.sizeBytes > 0
  if (batch.lastOffset - segment.baseOffset > OFFSET_SPAN_MAX) return true
  if (segment.sizeBytes === 0) return false
  const waitedMs = segment.firstTimestamp >= 0 ? batch.maxTimestamp - segment.firstTimestamp : nowMs - segment.createdMs
  return waitedMs > rollAfterMs(segment, config)
}

function rollAfterMs(segment: ActiveSegment, config: TopicConfig): number {
  const compacted = config.cleanupPolicy.includes('compact')
  const segmentMs = compacted ? Math.min(config.segmentMs, config.maxCompactionLagMs) : config.segmentMs
  return segmentMs - Math.floor(segment.jitter * Math.min(config.segmentJitterMs, segmentMs))
}

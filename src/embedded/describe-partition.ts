import type { CompactionDescription, PartitionDescription, RetentionDescription } from '../broker/topic-store.ts'
import type { CleaningReport } from './cleaning/cleaning-ledger.ts'
import type { PartitionSlot } from './live-topic.ts'
import type { PartitionLog } from './log/partition-log.ts'
import type { RetentionReport } from './retention/retention.ts'
import { offlineReason } from './served-partition.ts'

/** Who keeps the logs tidy, and can tell how they stand. */
export interface LogKeepers {
  readonly retention: { report(log: PartitionLog): RetentionReport }
  readonly cleaner: { report(log: PartitionLog): CleaningReport }
}

const nothingRemoved: RetentionDescription = {
  removedAt: -1,
  removedSegments: 0,
  removedBytes: 0,
  pinnedByTimestamp: -1,
}

/** One node is leader, only replica and in sync, or the partition is offline. */
export function describePartition(slot: PartitionSlot, nodeId: number, keepers: LogKeepers): PartitionDescription {
  if (!slot.host || offlineReason(slot) !== undefined) {
    return {
      partition: slot.partition,
      leader: -1,
      replicas: [nodeId],
      isr: [],
      logDir: (slot.host ? slot.host.directory.path : slot.directory?.path) ?? '',
      online: false,
      logStartOffset: -1,
      highWatermark: -1,
      sizeBytes: -1,
      segments: [],
      retention: nothingRemoved,
    }
  }
  const { log, host } = slot
  const active = log.activeSegment
  return {
    partition: slot.partition,
    leader: nodeId,
    replicas: [nodeId],
    isr: [nodeId],
    logDir: host.directory.path,
    online: true,
    logStartOffset: log.logStartOffset,
    highWatermark: log.highWatermark,
    sizeBytes: log.sizeBytes,
    segments: log.segments.map((segment) => ({
      baseOffset: segment.baseOffset,
      sizeBytes: segment.sizeBytes,
      maxTimestamp: segment.maxTimestamp,
      active: segment === active,
    })),
    retention: describeRetention(keepers.retention.report(log)),
    ...(log.config().cleanupPolicy.includes('compact') && {
      compaction: describeCompaction(keepers.cleaner.report(log)),
    }),
  }
}

function describeRetention({ lastRemoval, pinnedByTimestamp = -1 }: RetentionReport): RetentionDescription {
  if (!lastRemoval) return { ...nothingRemoved, pinnedByTimestamp }
  const { removedMs: removedAt, segments: removedSegments, bytes: removedBytes } = lastRemoval
  return { removedAt, removedSegments, removedBytes, pinnedByTimestamp }
}

function describeCompaction(report: CleaningReport): CompactionDescription {
  const { dirtyRatio, firstDirtyOffset, cleanedMs: cleanedAt = -1, figures, trouble = null } = report
  return {
    dirtyRatio,
    firstDirtyOffset,
    cleanedAt,
    recordsRead: figures?.recordsRead ?? 0,
    recordsKept: figures?.recordsKept ?? 0,
    bytesRead: figures?.bytesBefore ?? 0,
    bytesKept: figures?.bytesAfter ?? 0,
    trouble,
  }
}

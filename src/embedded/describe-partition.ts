import type { PartitionDescription } from '../broker/topic-store.ts'
import type { PartitionSlot } from './live-topic.ts'
import { offlineReason } from './served-partition.ts'

/** One node is leader, only replica and in sync, or the partition is offline. */
export function describePartition(slot: PartitionSlot, nodeId: number): PartitionDescription {
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
  }
}

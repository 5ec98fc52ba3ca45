import type { BrokerError } from '../../src/broker/broker-error.ts'
import { decompressBatchSync } from '../../src/codec/compressed-batch.ts'
import type { PartitionDescription } from '../../src/broker/topic-store.ts'
import { baseOffset, lastOffset, maxTimestamp } from '../../src/codec/record-batch.ts'
import { readRecords } from '../../src/codec/record-reader.ts'

/** A partition in memory. Tests may cut it, or make it fail. */
export class MemoryPartition {
  batches: Buffer[] = []
  logStartOffset = 0
  highWatermark = 0
  /** Told to readers and writers instead of an answer. */
  failure: BrokerError | undefined
}

export function firstAtOrAfter(log: MemoryPartition, time: number): { offset: number | null; timestamp: number } {
  let found: { offset: number | null; timestamp: number } = { offset: null, timestamp: -1 }
  for (const batch of log.batches) {
    if (maxTimestamp(batch, 0) < time || lastOffset(batch, 0) < log.logStartOffset) continue
    readRecords(decompressBatchSync(batch, 0, 64 * 1024 * 1024), 0, {
      record(offset, timestamp) {
        if (timestamp < time || offset < log.logStartOffset) return true
        found = { offset, timestamp }
        return false
      },
    })
    if (found.offset !== null) return found
  }
  return found
}

export function described(log: MemoryPartition, partition: number): PartitionDescription {
  const sizeBytes = log.batches.reduce((sum, batch) => sum + batch.length, 0)
  const first = log.batches[0]
  const segment = {
    baseOffset: first === undefined ? 0 : baseOffset(first, 0),
    sizeBytes,
    maxTimestamp: -1,
    active: true,
  }
  return {
    partition,
    leader: 1,
    replicas: [1],
    isr: [1],
    logDir: '/memory',
    online: true,
    logStartOffset: log.logStartOffset,
    highWatermark: log.highWatermark,
    sizeBytes,
    segments: [segment],
    retention: { removedAt: -1, removedSegments: 0, removedBytes: 0, pinnedByTimestamp: -1 },
  }
}

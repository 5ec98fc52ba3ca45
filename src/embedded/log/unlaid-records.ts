import { baseOffset, batchSizeBytes, lastOffset, maxTimestamp } from '../../codec/record-batch.ts'
import type { DecodedEntry } from '../commit/batches-section.ts'
import type { TailBatch } from './partition-view.ts'
import type { SegmentFacts } from './segment.ts'

/** Committed batches that recovery found no room for in their segments, and how the partition stands without them. */
export interface UnlaidRecords {
  readonly segments: readonly SegmentFacts[]
  readonly logEndOffset: number
  readonly batches: TailBatch[]
}

/** With memory of their own: the journal's goes when the directory is recovered. */
export function unlaidBatches({ segmentBaseOffset, position }: DecodedEntry, journalled: Buffer): TailBatch[] {
  const bytes = Buffer.from(journalled)
  const batches: TailBatch[] = []
  for (let at = 0; at < bytes.length; at += batchSizeBytes(bytes, at)) {
    batches.push({
      baseOffset: baseOffset(bytes, at),
      lastOffset: lastOffset(bytes, at),
      maxTimestamp: maxTimestamp(bytes, at),
      segmentBaseOffset,
      position: position + at,
      bytes: bytes.subarray(at, at + batchSizeBytes(bytes, at)),
    })
  }
  return batches
}

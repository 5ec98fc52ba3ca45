import assert from 'node:assert/strict'
import type { EncodedBatch } from '../../broker/append-request.ts'
import { RecordColumns } from '../../broker/record-columns.ts'
import { RecordBatchWriter } from '../../codec/record-batch-writer.ts'
import { offsetCommitKeyBytes, writeOffsetCommitKey } from './offset-commit-key.ts'
import { offsetCommitValueBytes, writeOffsetCommitValue } from './offset-commit-value.ts'
import type { OffsetWrite } from './staged-offsets.ts'

/** No batch is larger; a single record is never near it, as names and metadata are limited. */
export const OFFSETS_BATCH_BYTES_MAX = 512 * 1024
const FIRST_BATCH_BYTES = 512

/** The changes of a group as records of `__consumer_offsets`, in order; what is forgotten is a tombstone. */
export function encodeOffsetWrites(group: string, writes: readonly OffsetWrite[], timestamp: number): EncodedBatch[] {
  const columns = offsetColumns(group, writes, timestamp)
  const batches: EncodedBatch[] = []
  let writer = new RecordBatchWriter(FIRST_BATCH_BYTES, OFFSETS_BATCH_BYTES_MAX)
  for (let i = 0; i < columns.count; i++) {
    if (writer.append(columns, i)) continue
    batches.push(writer.seal())
    writer = new RecordBatchWriter(OFFSETS_BATCH_BYTES_MAX, OFFSETS_BATCH_BYTES_MAX)
    assert(writer.append(columns, i), 'a committed offset is far smaller than a batch')
  }
  batches.push(writer.seal())
  return batches
}

function offsetColumns(group: string, writes: readonly OffsetWrite[], timestamp: number): RecordColumns {
  let sizeBytes = 0
  for (const { topic, row } of writes) {
    sizeBytes += offsetCommitKeyBytes(group, topic) + (row === null ? 0 : offsetCommitValueBytes(row.metadata))
  }
  const columns = new RecordColumns(Buffer.allocUnsafe(sizeBytes), Math.max(1, writes.length))
  let position = 0
  for (const { topic, partition, row } of writes) {
    const record = columns.addRecord()
    columns.timestamp[record] = timestamp
    columns.keyStart[record] = position
    position = writeOffsetCommitKey(columns.bytes, position, group, topic, partition)
    columns.keyEnd[record] = position
    if (row === null) continue
    columns.valueStart[record] = position
    position = writeOffsetCommitValue(columns.bytes, position, row)
    columns.valueEnd[record] = position
  }
  return columns
}

import { BrokerError } from '../../../broker/broker-error.ts'
import type { EncodedBatch } from '../../../broker/append-request.ts'
import { RecordColumns } from '../../../broker/record-columns.ts'
import { RecordBatchWriter } from '../../../codec/record-batch-writer.ts'
import type { GroupRecord } from '../membership/group-record.ts'
import { encodeGroupRecord, type EncodedGroupRecord } from './group-record-codec.ts'

const FIRST_BATCH_BYTES = 4096
/** As much as `__consumer_offsets` takes: over 100,000 partitions of one member. */
const BATCH_BYTES_MAX = 1024 * 1024

/** A step of a group as batches of `__consumer_offsets`, in order; to be written by one append. */
export function encodeGroupRecords(group: string, records: readonly GroupRecord[], timestamp: number): EncodedBatch[] {
  if (records.length === 0) return []
  const columns = columnsOf(
    records.map((record) => encodeGroupRecord(group, record)),
    timestamp,
  )
  const batches: EncodedBatch[] = []
  let writer = new RecordBatchWriter(FIRST_BATCH_BYTES, BATCH_BYTES_MAX)
  let count = 0
  for (let i = 0; i < columns.count; i++) {
    if (writer.append(columns, i)) {
      count++
      continue
    }
    if (count > 0) batches.push(writer.seal())
    writer = new RecordBatchWriter(BATCH_BYTES_MAX, BATCH_BYTES_MAX)
    count = 1
    if (!writer.append(columns, i)) throw tooLarge(group)
  }
  batches.push(writer.seal())
  return batches
}

function columnsOf(records: readonly EncodedGroupRecord[], timestamp: number): RecordColumns {
  const sizeBytes = records.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0)
  const columns = new RecordColumns(Buffer.allocUnsafe(sizeBytes), records.length)
  let position = 0
  for (const { key, value } of records) {
    const record = columns.addRecord()
    columns.timestamp[record] = timestamp
    columns.keyStart[record] = position
    position += key.copy(columns.bytes, position)
    columns.keyEnd[record] = position
    if (value === null) continue
    columns.valueStart[record] = position
    position += value.copy(columns.bytes, position)
    columns.valueEnd[record] = position
  }
  return columns
}

function tooLarge(group: string): BrokerError {
  return new BrokerError(
    'MESSAGE_TOO_LARGE',
    `A member of group "${group}" would own more partitions than one record can tell (over 100,000): ` +
      'subscribe to fewer topics, or share them among more members.',
  )
}

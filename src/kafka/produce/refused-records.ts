import type { RefusedRecord } from '../../broker/broker-error.ts'
import { nullKeyDetail } from '../../broker/record-checks.ts'
import type { PartitionAnswer } from './produce-request.ts'

const INVALID_TIMESTAMP = 32
const INVALID_RECORD = 87

/** The records for which a broker refused a batch, by their place in it, with what to do about them. */
export function refusedRecords({ topic, kafkaCode, recordErrors = [] }: PartitionAnswer): readonly RefusedRecord[] {
  return recordErrors.map(({ index, message }): RefusedRecord => {
    const said = (message ?? 'The broker refuses the record without a reason.').replace(/\.?$/, '.')
    if (kafkaCode === INVALID_TIMESTAMP) return { position: index, field: 'timestamp', detail: said }
    // The only words by which brokers tell it from other faults.
    const isKey = kafkaCode === INVALID_RECORD && /without key/i.test(said)
    if (isKey) return { position: index, field: 'key', detail: nullKeyDetail(topic) }
    return { position: index, detail: said }
  })
}

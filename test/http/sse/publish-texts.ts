import type { PublishService } from '../../../src/broker/publish-service.ts'
import { RecordColumns } from '../../../src/broker/record-columns.ts'

/** Publishes so many records of one size to a partition. */
export async function publishTexts(
  publish: PublishService,
  topic: string,
  partition: number,
  count: number,
  bytes: number,
): Promise<void> {
  if (count === 0) return
  const columns = new RecordColumns(Buffer.alloc(bytes, 'x'))
  for (let record = 0; record < count; record += 1) {
    const index = columns.addRecord()
    columns.partition[index] = partition
    columns.valueStart[index] = 0
    columns.valueEnd[index] = bytes
  }
  await publish.publish(topic, columns, { acks: 'all' })
}

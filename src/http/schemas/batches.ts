import type { TSchema } from 'typebox'
import { component, ref } from './component.ts'
import { offset, partitionNumber, timestamp } from './integers.ts'
import { Type } from './type.ts'

/** The bytes of record batches; nothing is checked by the schema. */
export const BatchesBytes = Type.Unsafe<Buffer>({
  type: 'string',
  format: 'binary',
  description: 'Kafka record batches v2 (magic 2), one behind the other.',
})

export const PublishedBatchSchema = component('PublishedBatch', 'Where a batch is stored.', {
  baseOffset: offset('Of its first record.'),
  lastOffset: offset('Of its last record.'),
})

export const PublishedBatchesSchema = component('PublishedBatches', 'All batches are stored.', {
  topic: Type.String(),
  partition: partitionNumber(),
  batches: Type.Array(ref(PublishedBatchSchema), { description: 'In the order of the request.' }),
  logAppendTime: timestamp(
    'The timestamp of all records where the topic says LogAppendTime; −1 where they keep their own.',
  ),
  durability: Type.String({
    description: 'What is vouched for: fsync, replicated, kernel or none. More may be added.',
    examples: ['fsync'],
  }),
  duplicate: Type.Boolean({ description: 'The request had been stored before.' }),
})

export const batchComponents: readonly TSchema[] = [PublishedBatchSchema, PublishedBatchesSchema]

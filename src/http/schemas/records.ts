import type { TSchema } from 'typebox'
import { component, ref, requestComponent } from './component.ts'
import { MAX_INTEGER, offset, offsetOrUnknown, partitionNumber, timestamp } from './integers.ts'
import { nullable, orAbsent } from './nullable.ts'
import { PartitionReadErrorSchema } from './problem.ts'
import { Type } from './type.ts'

const anyJson = (description: string) => Type.Unknown({ description })

const encoding = Type.String({
  description: '`base64` where the text is base64 of the bytes. More may be added.',
  examples: ['base64'],
})
const base64 = Type.Unsafe<'base64'>({
  type: 'string',
  enum: ['base64'],
  description: 'Says that the string is base64 of the bytes.',
})

export const RecordHeaderSchema = component('RecordHeader', 'A header of a record. Names may repeat.', {
  name: Type.String(),
  value: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
  valueEncoding: Type.Optional(encoding),
})

export const RecordSchema = component('ConsumedRecord', 'A record as it is read.', {
  topic: Type.String(),
  partition: partitionNumber(),
  offset: offset('The record’s place in its partition.'),
  timestamp: timestamp('−1 = none.'),
  key: anyJson('Null, a string, or any JSON, as `keyFormat` says.'),
  keyEncoding: Type.Optional(encoding),
  value: anyJson('Null (a tombstone), a string, or any JSON, as `valueFormat` says.'),
  valueEncoding: Type.Optional(encoding),
  headers: Type.Array(ref(RecordHeaderSchema)),
})

export const PartitionPositionSchema = component('PartitionPosition', 'How far a page came in a partition.', {
  topic: Type.String(),
  partition: partitionNumber(),
  nextOffset: offset('What to commit, or to pass as `offset`.'),
  highWatermark: offsetOrUnknown('The first offset that cannot be read yet.'),
  logStartOffset: offsetOrUnknown('The first offset that is kept.'),
})

export const RecordsPageSchema = component('RecordsPage', 'A page of records from several partitions.', {
  records: Type.Array(ref(RecordSchema), { description: 'In offset order within each partition.' }),
  cursor: Type.String({ description: 'Where the next page begins. Using one twice reads the same twice.' }),
  upToDate: Type.Boolean({ description: 'Every partition was read to its end.' }),
  partitions: Type.Array(ref(PartitionPositionSchema), { description: 'The partitions this page moved in.' }),
  partitionErrors: Type.Optional(
    Type.Array(ref(PartitionReadErrorSchema), { description: 'Partitions that could not be read.' }),
  ),
})

export const PartitionRecordsPageSchema = component('PartitionRecordsPage', 'A page of records of one partition.', {
  records: Type.Array(ref(RecordSchema), { description: 'In offset order.' }),
  nextOffset: offset('The `offset` of the next page.'),
  upToDate: Type.Boolean({ description: 'The partition was read to its end.' }),
  highWatermark: offsetOrUnknown('The first offset that cannot be read yet.'),
  logStartOffset: offsetOrUnknown('The first offset that is kept.'),
})

export const HeaderToPublishSchema = requestComponent('HeaderToPublish', 'A header of a record.', {
  name: Type.String(),
  value: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
  valueEncoding: orAbsent(base64),
})

export const RecordToPublishSchema = requestComponent(
  'RecordToPublish',
  'A record to publish; it needs a key or a value.',
  {
    key: Type.Optional(anyJson('Null, a string, an object or an array; with `format=json` any JSON.')),
    keyEncoding: orAbsent(base64),
    value: Type.Optional(anyJson('Null (a tombstone), a string, an object or an array; with `format=json` any JSON.')),
    valueEncoding: orAbsent(base64),
    partition: orAbsent(partitionNumber('Where to; by the key if absent.')),
    timestamp: orAbsent(
      Type.Integer({
        format: 'int64',
        minimum: 0,
        maximum: MAX_INTEGER,
        description: 'Unix milliseconds; now if absent.',
      }),
    ),
    headers: Type.Optional(
      Type.Unsafe<unknown>({ type: ['array', 'null'], items: { $ref: 'HeaderToPublish#' }, maxItems: 100 }),
    ),
    topic: orAbsent(Type.String({ description: 'Ignored, so that what was read can be published.' })),
    offset: orAbsent(
      Type.Integer({
        format: 'int64',
        maximum: MAX_INTEGER,
        description: 'Ignored, so that what was read can be published.',
      }),
    ),
  },
)

export const RecordsToPublishSchema = requestComponent('RecordsToPublish', 'Records to publish, stored in order.', {
  records: Type.Array(ref(RecordToPublishSchema), { minItems: 1 }),
})

export const PublishedRecordSchema = component('PublishedRecord', 'Where a record is stored.', {
  partition: partitionNumber(),
  offset: nullable(offset('null where it was not stored.')),
  timestamp: Type.Optional(timestamp('The one stored.')),
  code: Type.Optional(Type.String({ description: 'Why it was not stored.' })),
})

export const PublishedSchema = component('Published', 'All records are stored.', {
  topic: Type.String(),
  records: Type.Array(ref(PublishedRecordSchema), { description: 'In the order of the request.' }),
  durability: Type.String({
    description: 'What is vouched for: fsync, replicated, kernel or none. More may be added.',
    examples: ['fsync'],
  }),
  duplicate: Type.Boolean({ description: 'The request had been stored before.' }),
})

export const AcceptedSchema = component('PublishAccepted', 'The records are queued; nothing is vouched for.', {
  topic: Type.String(),
  durability: Type.String({ examples: ['none'] }),
})

export const recordComponents: readonly TSchema[] = [
  RecordHeaderSchema,
  RecordSchema,
  PartitionPositionSchema,
  RecordsPageSchema,
  PartitionRecordsPageSchema,
  HeaderToPublishSchema,
  RecordToPublishSchema,
  RecordsToPublishSchema,
  PublishedRecordSchema,
  PublishedSchema,
  AcceptedSchema,
]

/** A record of the examples in the OpenAPI document. */
export const exampleRecord = {
  topic: 'orders',
  partition: 3,
  offset: 17,
  timestamp: 1_700_000_000_000,
  key: 'user-42',
  value: { total: 12.5 },
  headers: [{ name: 'trace', value: 'abc' }],
}

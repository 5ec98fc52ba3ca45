import { ref } from '../schemas/component.ts'
import { count, offset } from '../schemas/integers.ts'
import {
  acksQuery,
  compressionQuery,
  cursorQuery,
  formatQuery,
  identityHeaders,
  pageQuery,
  type PageSettings,
  PartitionParams,
  partitionsQuery,
  RecordParams,
  TopicParams,
} from '../schemas/parameters.ts'
import { problemReplies } from '../schemas/problem.ts'
import {
  AcceptedSchema,
  exampleRecord,
  PartitionRecordsPageSchema,
  PublishedSchema,
  RecordSchema,
  RecordsPageSchema,
  RecordsToPublishSchema,
} from '../schemas/records.ts'
import { Type } from '../schemas/type.ts'

const tags = ['Records']

export const PublishRecords = {
  operationId: 'publishRecords',
  summary: 'Publish records',
  description:
    'All records are checked before any is written: a bad one refuses the request with `"stored":"no"`. ' +
    'An unknown topic is created where the server is set to. If some partitions fail, the reply is a problem with ' +
    '`"stored":"partial"` and `records`. With `Producer-Id` and `Producer-Sequence`, or an `Idempotency-Key`, a request can ' +
    'be sent again: it is stored once, and answered with its first offsets and `"duplicate":true`.',
  tags,
  headers: identityHeaders,
  params: TopicParams,
  querystring: Type.Object(
    { acks: acksQuery, compression: compressionQuery, ...formatQuery },
    { additionalProperties: false },
  ),
  body: ref(RecordsToPublishSchema),
  response: { 200: ref(PublishedSchema), 202: ref(AcceptedSchema), ...problemReplies },
}

export const browseRecords = (pages: PageSettings) => ({
  operationId: 'browseRecords',
  summary: 'Read records of all partitions',
  description:
    'Starts at one of `cursor`, `from` and `last`, else at the log start. Order holds within a partition. ' +
    'Reading moves nothing on the server.',
  tags,
  params: TopicParams,
  querystring: Type.Object(
    {
      cursor: cursorQuery,
      from: Type.Optional(
        Type.String({ minLength: 1, description: '`earliest`, `latest` or a time.', examples: ['earliest'] }),
      ),
      last: Type.Optional({
        ...count('The newest so many offsets of each partition.'),
        examples: [10],
      }),
      until: Type.Optional(
        Type.String({
          minLength: 1,
          description: 'A time: each partition ends before its first record at or after it.',
          examples: ['2026-01-31T12:00:00Z'],
        }),
      ),
      partitions: partitionsQuery,
      ...pageQuery(pages),
      ...formatQuery,
    },
    { additionalProperties: false },
  ),
  response: { 200: ref(RecordsPageSchema), ...problemReplies },
})

export const readPartition = (pages: PageSettings) => ({
  operationId: 'readPartition',
  summary: 'Read records of one partition',
  description: 'Before the log start: 410, beyond the end: 416, both with the two bounds.',
  tags,
  params: PartitionParams,
  querystring: Type.Object(
    {
      offset: Type.Optional({ ...offset('Where to start. Default: the log start.'), examples: [17] }),
      ...pageQuery(pages),
      ...formatQuery,
    },
    { additionalProperties: false },
  ),
  response: { 200: ref(PartitionRecordsPageSchema), ...problemReplies },
})

export const GetRecord = {
  operationId: 'getRecord',
  summary: 'Get one record by its address',
  description: 'Has an `ETag`: with `If-None-Match` the reply is 304 while the record is there.',
  tags,
  params: RecordParams,
  headers: Type.Object({
    'if-none-match': Type.Optional(
      Type.String({ description: 'The `ETag` of an earlier reply.', examples: ['"orders-3-17"'] }),
    ),
  }),
  querystring: Type.Object(formatQuery, { additionalProperties: false }),
  response: {
    200: {
      description: 'The record.',
      headers: { ETag: Type.String({ description: 'Names this form of the record.', examples: ['"orders-3-17"'] }) },
      content: { 'application/json': { schema: ref(RecordSchema) } },
    },
    304: Type.Null({ description: 'The record is still there.' }),
    ...problemReplies,
  },
}

const position = { topic: 'orders', partition: 3, nextOffset: 18, highWatermark: 18, logStartOffset: 0 }
const cursor = 'AQAAFnQ1'

export const publishExamples = {
  request: { records: [{ key: 'user-42', value: { total: 12.5 } }] },
  replies: {
    200: {
      topic: 'orders',
      records: [{ partition: 3, offset: 17, timestamp: 1_700_000_000_000 }],
      durability: 'fsync',
      duplicate: false,
    },
    202: { topic: 'orders', durability: 'none' },
  },
}
export const browseExamples = {
  replies: { 200: { records: [exampleRecord], cursor, upToDate: true, partitions: [position] } },
}
export const partitionExamples = {
  replies: { 200: { records: [exampleRecord], nextOffset: 18, upToDate: true, highWatermark: 18, logStartOffset: 0 } },
}
export const getExamples = { replies: { 200: exampleRecord } }

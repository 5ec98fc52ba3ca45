import { BATCHES_MEDIA_TYPE } from '../media-types.ts'
import { BatchesBytes, PublishedBatchesSchema } from '../schemas/batches.ts'
import { ref } from '../schemas/component.ts'
import { offset } from '../schemas/integers.ts'
import { acksQuery, identityHeaders, pageQuery, type PageSettings, PartitionParams } from '../schemas/parameters.ts'
import { positionHeaders } from '../schemas/page-headers.ts'
import { problemReplies } from '../schemas/problem.ts'
import { AcceptedSchema } from '../schemas/records.ts'
import { Type } from '../schemas/type.ts'

const tags = ['Records']

export const PublishBatches = {
  operationId: 'publishBatches',
  summary: 'Publish record batches to a partition',
  description:
    'The body is Kafka record batches v2 (magic 2), one behind the other, as a producer encodes them; they are stored as ' +
    'they are, but for base offset, leader epoch and, where the topic says LogAppendTime, the time. They may be compressed ' +
    '(gzip, snappy, lz4, zstd), and stay so unless the topic’s `compression.type` asks for another codec. All are checked ' +
    'to the last record before any is written: sizes, CRC, record count, dense offsets, timestamps, keys where the topic ' +
    'is compacted, `max.message.bytes`; what they hold decompressed counts as the body does (`request.max.bytes`). ' +
    'So what was read as batches can be published as batches (of topics that are not compacted, with CreateTime); the producer and transaction they had where they were read are ' +
    'taken off. Refused: control batches. A refusal names `batch`, `record` and `byte`. An unknown topic is created where ' +
    'the server is set to. With `Producer-Id` and `Producer-Sequence`, or an `Idempotency-Key`, a request can be sent again: it is stored once.',
  tags,
  consumes: [BATCHES_MEDIA_TYPE],
  headers: identityHeaders,
  params: PartitionParams,
  querystring: Type.Object({ acks: acksQuery }, { additionalProperties: false }),
  body: BatchesBytes,
  response: { 200: ref(PublishedBatchesSchema), 202: ref(AcceptedSchema), ...problemReplies },
}

export const readBatches = (pages: PageSettings) => {
  const { maxBytes, waitMs } = pageQuery(pages)
  return {
    operationId: 'readBatches',
    summary: 'Read record batches of one partition',
    description:
      'Whole batches as they are stored, verified against their CRC. The first may begin before `offset`: leave out the ' +
      'records below it, as a Kafka consumer does. Before the log start: 410, beyond the end: 416, both with the two bounds.',
    tags,
    params: PartitionParams,
    querystring: Type.Object(
      {
        offset: Type.Optional({ ...offset('Where to start. Default: the log start.'), examples: [17] }),
        maxBytes: { ...maxBytes, description: 'At most so many bytes; one batch is returned whatever its size.' },
        waitMs: { ...waitMs, description: 'Milliseconds to wait for the first batch where there is none yet.' },
      },
      { additionalProperties: false },
    ),
    response: {
      200: {
        description: 'Batches, one behind the other; no bytes where there are none.',
        headers: positionHeaders,
        content: { [BATCHES_MEDIA_TYPE]: { schema: BatchesBytes } },
      },
      ...problemReplies,
    },
  }
}

export const publishBatchesExamples = {
  replies: {
    200: {
      topic: 'orders',
      partition: 3,
      batches: [{ baseOffset: 17, lastOffset: 1016 }],
      logAppendTime: -1,
      durability: 'fsync',
      duplicate: false,
    },
    202: { topic: 'orders', durability: 'none' },
  },
}

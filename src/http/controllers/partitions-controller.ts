import type { OffsetService } from '../../broker/offset-service.ts'
import type { TopicService } from '../../broker/topic-service.ts'
import type { App, Controller } from '../controller.ts'
import { ref } from '../schemas/component.ts'
import { listQuery, PartitionParams, TopicParams } from '../schemas/parameters.ts'
import { problemReplies } from '../schemas/problem.ts'
import { PartitionListSchema, PartitionOffsetListSchema, PartitionSchema, topicComponents } from '../schemas/topics.ts'
import { Type } from '../schemas/type.ts'

const tags = ['Topics']

const examplePartition = {
  partition: 3,
  leader: 1,
  replicas: [1],
  isr: [1],
  logDir: '/data',
  online: true,
  logStartOffset: 0,
  highWatermark: 18,
  sizeBytes: 2048,
  segments: [{ baseOffset: 0, sizeBytes: 2048, maxTimestamp: 1_700_000_000_000, active: true }],
  retention: { removedAt: -1, removedSegments: 0, removedBytes: 0, pinnedByTimestamp: -1 },
}

const ListPartitions = {
  operationId: 'listPartitions',
  summary: 'List the partitions of a topic',
  tags,
  params: TopicParams,
  querystring: Type.Object(listQuery, { additionalProperties: false }),
  response: { 200: ref(PartitionListSchema), ...problemReplies },
}

const GetPartition = {
  operationId: 'getPartition',
  summary: 'Describe a partition',
  tags,
  params: PartitionParams,
  response: { 200: ref(PartitionSchema), ...problemReplies },
}

const ListOffsets = {
  operationId: 'listOffsets',
  summary: 'Find the first offset at or after a time, per partition',
  tags,
  params: TopicParams,
  querystring: Type.Object(
    {
      at: Type.String({ minLength: 1, description: '`earliest`, `latest` or a time.', examples: ['-15m'] }),
      ...listQuery,
    },
    { additionalProperties: false },
  ),
  response: { 200: ref(PartitionOffsetListSchema), ...problemReplies },
}

const exampleOffsets = {
  items: [{ topic: 'orders', partition: 3, offset: 17, timestamp: 1_700_000_000_000 }],
  nextCursor: null,
}

export class PartitionsController implements Controller {
  readonly components = topicComponents
  readonly #topics: TopicService
  readonly #offsets: OffsetService

  constructor(topics: TopicService, offsets: OffsetService) {
    this.#topics = topics
    this.#offsets = offsets
  }

  routes(app: App): void {
    const list = { items: [examplePartition], nextCursor: null }
    app.get(
      '/topics/:topic/partitions',
      { schema: ListPartitions, config: { examples: { replies: { 200: list } } } },
      ({ params, query }) => this.#topics.partitions(params.topic, query),
    )
    app.get(
      '/topics/:topic/partitions/:partition',
      { schema: GetPartition, config: { examples: { replies: { 200: examplePartition } } } },
      ({ params }) => this.#topics.partition(params.topic, params.partition),
    )
    app.get(
      '/topics/:topic/offsets',
      { schema: ListOffsets, config: { examples: { replies: { 200: exampleOffsets } } } },
      ({ params, query }) => this.#offsets.list(params.topic, query.at, query),
    )
  }
}

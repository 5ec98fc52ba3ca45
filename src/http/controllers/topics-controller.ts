import type { TopicService } from '../../broker/topic-service.ts'
import type { App, Controller } from '../controller.ts'
import { sendNoContent } from '../raw-reply.ts'
import { ref } from '../schemas/component.ts'
import { given } from '../schemas/nullable.ts'
import { listQuery, TopicParams } from '../schemas/parameters.ts'
import { problemReplies } from '../schemas/problem.ts'
import {
  exampleTopic,
  NewTopicSchema,
  topicComponents,
  TopicDescriptionSchema,
  TopicListSchema,
  TopicSettingsSchema,
} from '../schemas/topics.ts'
import { Type } from '../schemas/type.ts'

const tags = ['Topics']
const { configs: _configs, ...exampleItem } = exampleTopic
const exampleSettings = { partitions: 6, configs: { 'retention.ms': '86400000' } }

const created = {
  description: 'The topic was created.',
  headers: { Location: Type.String({ description: 'The path of the topic.', examples: ['/topics/orders'] }) },
  content: { 'application/json': { schema: ref(TopicDescriptionSchema) } },
}

const ListTopics = {
  operationId: 'listTopics',
  summary: 'List the topics, sorted by name',
  tags,
  querystring: Type.Object(
    {
      ...listQuery,
      prefix: Type.Optional(Type.String({ description: 'Only names that begin so.', examples: ['ord'] })),
    },
    { additionalProperties: false },
  ),
  response: { 200: ref(TopicListSchema), ...problemReplies },
}

const CreateTopic = {
  operationId: 'createTopic',
  summary: 'Create a topic',
  tags,
  body: ref(NewTopicSchema),
  response: { 201: created, ...problemReplies },
}

const GetTopic = {
  operationId: 'getTopic',
  summary: 'Describe a topic',
  tags,
  params: TopicParams,
  response: { 200: ref(TopicDescriptionSchema), ...problemReplies },
}

const EnsureTopic = {
  operationId: 'ensureTopic',
  summary: 'Create a topic, or confirm that it is as asked for',
  description: 'Only what the body names is compared; a difference is 409 with `differences`. Can be repeated.',
  tags,
  params: TopicParams,
  body: ref(TopicSettingsSchema),
  response: { 200: ref(TopicDescriptionSchema), 201: created, ...problemReplies },
}

const AlterTopic = {
  operationId: 'alterTopic',
  summary: 'Raise the number of partitions, alter configs',
  description: 'A config of null removes the topic’s override. What is not named stays as it is.',
  tags,
  params: TopicParams,
  body: ref(TopicSettingsSchema),
  response: { 200: ref(TopicDescriptionSchema), ...problemReplies },
}

const DeleteTopic = {
  operationId: 'deleteTopic',
  summary: 'Delete a topic with its records',
  tags,
  params: TopicParams,
  response: { 204: Type.Null({ description: 'The topic is gone.' }), ...problemReplies },
}

interface Settings {
  readonly partitions?: number | null
  readonly configs?: Record<string, string | number | boolean | null> | null
}

export class TopicsController implements Controller {
  readonly components = topicComponents
  readonly #topics: TopicService

  constructor(topics: TopicService) {
    this.#topics = topics
  }

  routes(app: App): void {
    const list = { items: [exampleItem], nextCursor: null }
    app.get('/topics', { schema: ListTopics, config: { examples: { replies: { 200: list } } } }, ({ query }) =>
      this.#topics.list(query),
    )
    app.post('/topics', { schema: CreateTopic, config: { examples: createExamples } }, async ({ body }, reply) => {
      const topic = await this.#topics.create(body.name, settingsOf(body))
      return reply.code(201).header('location', pathOf(topic.name)).send(topic)
    })
    app.get('/topics/:topic', { schema: GetTopic, config: { examples: describeExamples } }, ({ params }) =>
      this.#topics.describe(params.topic),
    )
    app.put('/topics/:topic', { schema: EnsureTopic, config: { examples: ensureExamples } }, async (request, reply) => {
      const { topic, created: isNew } = await this.#topics.ensure(request.params.topic, settingsOf(request.body))
      if (isNew) void reply.header('location', pathOf(topic.name))
      return reply.code(isNew ? 201 : 200).send(topic)
    })
    app.patch('/topics/:topic', { schema: AlterTopic, config: { examples: alterExamples } }, ({ params, body }) =>
      this.#topics.alter(params.topic, settingsOf(body)),
    )
    app.delete('/topics/:topic', { schema: DeleteTopic }, async ({ params }, reply) => {
      await this.#topics.delete(params.topic)
      sendNoContent(reply)
    })
  }
}

const createExamples = { request: { name: 'orders', ...exampleSettings }, replies: { 201: exampleTopic } }
const describeExamples = { replies: { 200: exampleTopic } }
const ensureExamples = { request: exampleSettings, replies: { 200: exampleTopic, 201: exampleTopic } }
const alterExamples = { request: { configs: { 'retention.ms': '86400000' } }, replies: { 200: exampleTopic } }

function settingsOf(body: Settings): {
  partitions: number | undefined
  configs: (Settings['configs'] & object) | undefined
} {
  return { partitions: given(body.partitions), configs: given(body.configs) }
}

function pathOf(topic: string): string {
  return `/topics/${encodeURIComponent(topic)}`
}

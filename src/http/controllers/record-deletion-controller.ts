import type { RecordDeletionService } from '../../broker/record-deletion-service.ts'
import type { App, Controller } from '../controller.ts'
import { ref } from '../schemas/component.ts'
import { PartitionParams } from '../schemas/parameters.ts'
import { problemReplies } from '../schemas/problem.ts'
import { RecordDeletionSchema, topicComponents } from '../schemas/topics.ts'
import { Type } from '../schemas/type.ts'

const DeleteRecords = {
  operationId: 'deleteRecords',
  summary: 'Delete the oldest records of a partition',
  description:
    'Records before the offset cannot be read any more when the reply comes, and never come back; their files go at the ' +
    'next retention check. Repeating it changes nothing. A topic that is only compacted refuses: 403.',
  tags: ['Records'],
  params: PartitionParams,
  querystring: Type.Object(
    {
      beforeOffset: Type.String({
        minLength: 1,
        description: 'The first offset to keep, or `latest` to delete all that are there.',
        examples: ['17'],
      }),
    },
    { additionalProperties: false },
  ),
  response: { 200: ref(RecordDeletionSchema), ...problemReplies },
}

const exampleDeletion = { topic: 'orders', partition: 3, logStartOffset: 17, highWatermark: 18 }

export class RecordDeletionController implements Controller {
  readonly components = topicComponents
  readonly #deletion: RecordDeletionService

  constructor(deletion: RecordDeletionService) {
    this.#deletion = deletion
  }

  routes(app: App): void {
    app.delete(
      '/topics/:topic/partitions/:partition/records',
      { schema: DeleteRecords, config: { examples: { replies: { 200: exampleDeletion } } } },
      ({ params, query }) => this.#deletion.delete(params.topic, params.partition, query.beforeOffset),
    )
  }
}

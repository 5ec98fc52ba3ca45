import { ANY_MEDIA_TYPE } from '../media-types.ts'
import { ref } from '../schemas/component.ts'
import { partitionNumber } from '../schemas/integers.ts'
import { acksQuery, compressionQuery, identityHeaders, TopicParams } from '../schemas/parameters.ts'
import { problemReplies } from '../schemas/problem.ts'
import { AcceptedSchema, PublishedSchema } from '../schemas/records.ts'
import { publishExamples } from './record-operations.ts'
import { Type } from '../schemas/type.ts'

const anyBytes = Type.Unsafe<Buffer>({
  type: 'string',
  format: 'binary',
  description: 'The value: bytes of whatever type.',
})

export const PublishRaw = {
  operationId: 'publishRaw',
  summary: 'Publish one record whose value is the body',
  description:
    'The body is the value as it is, whatever its `Content-Type` says, which is not kept; an empty body is an empty value. ' +
    'A null value (a tombstone) is published as JSON.',
  tags: ['Records'],
  consumes: [ANY_MEDIA_TYPE],
  headers: identityHeaders,
  params: TopicParams,
  querystring: Type.Object(
    {
      acks: acksQuery,
      compression: compressionQuery,
      key: Type.Optional(Type.String({ description: 'The key; null if not given.', examples: ['user-42'] })),
      keyEncoding: Type.Optional(
        Type.Unsafe<'base64'>({
          type: 'string',
          enum: ['base64'],
          description: 'Says that `key` is base64 of the bytes.',
          examples: ['base64'],
        }),
      ),
      partition: Type.Optional({ ...partitionNumber('Where to; by the key if not given.'), examples: [0] }),
      timestamp: Type.Optional(
        Type.String({
          minLength: 1,
          description: 'Unix milliseconds, ISO 8601 or a time back from now such as `-15m`; now if not given.',
          examples: ['2026-01-31T12:00:00Z'],
        }),
      ),
    },
    { additionalProperties: false },
  ),
  body: anyBytes,
  response: { 200: ref(PublishedSchema), 202: ref(AcceptedSchema), ...problemReplies },
}

export const publishRawExamples = { replies: publishExamples.replies }

import type { TSchema } from 'typebox'
import { component, ref } from './component.ts'
import { MAX_INTEGER } from './integers.ts'
import { Type } from './type.ts'

export const FieldErrorSchema = component('FieldError', 'One fault of a request.', {
  pointer: Type.String({
    description:
      'A JSON pointer into the body, `?name` of a query parameter, the name of a part of the path, or that of a header.',
  }),
  detail: Type.String({ description: 'What is wrong, with the value, and what to do about it.' }),
})

export const PartitionReadErrorSchema = component(
  'PartitionReadError',
  'Why a partition could not be read. The others go on.',
  {
    topic: Type.String(),
    partition: Type.Integer({ format: 'int32' }),
    code: Type.String({ description: 'As in a problem document.', examples: ['OFFSET_OUT_OF_RANGE'] }),
    offset: Type.Integer({ format: 'int64', maximum: MAX_INTEGER, description: 'The offset that was asked for.' }),
    nextReadableOffset: Type.Unsafe<number | null>({
      type: ['integer', 'null'],
      format: 'int64',
      maximum: MAX_INTEGER,
      description: 'Behind a damaged range: the next offset that can be read.',
    }),
    logStartOffset: Type.Integer({ format: 'int64', maximum: MAX_INTEGER }),
    highWatermark: Type.Integer({ format: 'int64', maximum: MAX_INTEGER }),
  },
)

export const ProblemSchema = component(
  'Problem',
  'What every error reply is (RFC 9457). Decide by `code`; further members tell facts of the case.',
  {
    type: Type.String({ format: 'uri-reference', description: 'Where the code is explained.' }),
    title: Type.String(),
    status: Type.Integer({ format: 'int32' }),
    detail: Type.String({ description: 'What was wrong, with the value, and what to do. For people: it may change.' }),
    code: Type.String({
      description: 'A stable word; Kafka’s error name where Kafka has one. More may be added.',
      examples: ['UNKNOWN_TOPIC_OR_PARTITION'],
    }),
    retriable: Type.Boolean({ description: 'The same request, unchanged, may succeed later.' }),
    recovery: Type.String({
      description: 'What to do next: retry, fetch, rejoin, reset, none. More may be added.',
      examples: ['none'],
    }),
    stored: Type.Optional(
      Type.String({ description: 'Of a failed publish: no, partial or unknown.', examples: ['no'] }),
    ),
    errors: Type.Optional(Type.Array(ref(FieldErrorSchema), { description: 'At most 100 of the faults found.' })),
    errorCount: Type.Optional(Type.Integer({ format: 'int32', description: 'How many faults there were.' })),
    requestId: Type.Optional(Type.String({ description: 'Under which the server’s log knows the request.' })),
    partitionErrors: Type.Optional(Type.Array(ref(PartitionReadErrorSchema))),
    cursor: Type.Optional(
      Type.String({ description: 'Goes on behind the gap, for a client that accepts it. Nothing else has moved.' }),
    ),
    logStartOffset: Type.Optional(Type.Integer({ format: 'int64', maximum: MAX_INTEGER })),
    highWatermark: Type.Optional(Type.Integer({ format: 'int64', maximum: MAX_INTEGER })),
    expectedSequence: Type.Optional(
      Type.Integer({
        format: 'int64',
        maximum: MAX_INTEGER,
        description: 'The `Producer-Sequence` that is next, or that was stored in part and has to be sent again.',
      }),
    ),
    nextOffset: Type.Optional(
      Type.Integer({ format: 'int64', maximum: MAX_INTEGER, description: 'Where the next record is.' }),
    ),
  },
)

export const problemComponents: readonly TSchema[] = [ProblemSchema, FieldErrorSchema, PartitionReadErrorSchema]

const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: ref(ProblemSchema) } },
})

/** Every operation may answer with a problem. */
export const problemReplies = {
  '4xx': problem('The request was refused; `code` says why.'),
  default: problem('The server could not serve the request.'),
} as const

import { EVENTS_MEDIA_TYPE } from '../media-types.ts'
import { GroupMemberParams } from '../schemas/group-members.ts'
import { count } from '../schemas/integers.ts'
import { cursorQuery, formatQuery, partitionsQuery, TopicParams } from '../schemas/parameters.ts'
import { problemReplies } from '../schemas/problem.ts'
import { Type } from '../schemas/type.ts'

const LastEventId = Type.Object({
  'last-event-id': Type.Optional(
    Type.String({
      maxLength: 4096,
      description:
        'The last `id` that the client got: a browser sends it by itself. It beats every other start. Empty: none yet.',
      examples: ['AQAAFnQ1'],
    }),
  ),
})

const events =
  'Server-sent events without an end. Each record is an unnamed event whose `id` is the cursor behind it; the first frame ' +
  'and the pings (every 15 s where nothing else comes) have an `id` too. A client that was cut off connects again with the ' +
  'last one as `Last-Event-ID` and misses nothing. CR and LF between the tokens of an embedded value are spaces. A client ' +
  'that reads slowly is sent less at a time, and nothing is kept for it beyond that.'

const framesReply = {
  description: 'Frames, until the client or the server ends it.',
  content: { [EVENTS_MEDIA_TYPE]: { schema: Type.String() } },
}

export const StreamTopic = {
  operationId: 'streamTopic',
  summary: 'Read records as they come, as server-sent events',
  description:
    `${events} Starts at one of \`cursor\`, \`from\` and \`last\`, else at the end. Event \`gap\`: records are gone ` +
    '(`topic`, `partition`, `fromOffset`, `toOffset`). Event `problem`: a `Problem`, behind which the server closes.',
  tags: ['Records'],
  params: TopicParams,
  headers: LastEventId,
  querystring: Type.Object(
    {
      cursor: cursorQuery,
      from: Type.Optional(
        Type.String({ minLength: 1, description: '`earliest`, `latest` or a time.', examples: ['latest'] }),
      ),
      last: Type.Optional({ ...count('The newest so many offsets of each partition.'), examples: [10] }),
      partitions: partitionsQuery,
      ...formatQuery,
    },
    { additionalProperties: false },
  ),
  response: { 200: framesReply, ...problemReplies },
}

export const StreamMember = {
  operationId: 'streamForMember',
  summary: 'Read records as a member of a consumer group, as server-sent events',
  description:
    `${events} Starts at \`Last-Event-ID\`, else at \`cursor\`; commit with any \`id\`. Event \`assignment\`: what the ` +
    'member may read (`memberEpoch`, `assignment`), first of all and whenever it changes. Event `revoking`: what it is to ' +
    'let go of (`memberEpoch`, `revoking`). Event `gap`: records are gone. Event `problem`: a `Problem`, behind which the ' +
    'server closes. The session lives as long as what was sent is committed within `maxPollIntervalMs`. A fetch or another ' +
    'stream of the member ends the stream.',
  tags: ['Groups'],
  params: GroupMemberParams,
  headers: LastEventId,
  querystring: Type.Object(
    {
      cursor: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 4096,
          description: 'The newest `cursor` of any reply to this member. Required where there is no `Last-Event-ID`.',
          examples: ['AQMAFnQ1'],
        }),
      ),
      ...formatQuery,
    },
    { additionalProperties: false },
  ),
  response: { 200: framesReply, ...problemReplies },
}

export const streamExamples = {
  replies: {
    200:
      'retry: 2000\nid: AQAAFnQ1\n\nid: AQAAFnQ2\ndata: {"topic":"orders","partition":3,"offset":17,' +
      '"timestamp":1700000000000,"key":"user-42","value":{"total":12.50},"headers":[]}\n\n',
  },
}

import { ref } from '../schemas/component.ts'
import {
  GroupMemberParams,
  HeartbeatSchema,
  JoinedMemberSchema,
  MemberHeartbeatSchema,
  MemberRecordsPageSchema,
  SubscriptionSchema,
} from '../schemas/group-members.ts'
import { formatQuery, pageQuery, type PageSettings } from '../schemas/parameters.ts'
import { problemReplies } from '../schemas/problem.ts'
import { exampleRecord } from '../schemas/records.ts'
import { Type } from '../schemas/type.ts'

const tags = ['Groups']

const joined = ref(JoinedMemberSchema)

export const JoinGroup = {
  operationId: 'joinConsumerGroup',
  summary: 'Join a consumer group, join again, or change the subscription',
  description:
    'A group begins with its first member. Can be repeated; each join voids the cursors that the member had. After 404 ' +
    '`UNKNOWN_MEMBER_ID` or 409 `FENCED_MEMBER_EPOCH` join again with the same member id.',
  tags,
  params: GroupMemberParams,
  body: ref(SubscriptionSchema),
  response: {
    200: { ...joined, description: 'The member, or its instance, was there before.' },
    201: { ...joined, description: 'A new member.' },
    ...problemReplies,
  },
}

export const LeaveGroup = {
  operationId: 'leaveConsumerGroup',
  summary: 'Leave a consumer group',
  description:
    'The partitions of a dynamic member are free at once; those of a static one stay with its instance id until its ' +
    'session ends.',
  tags,
  params: GroupMemberParams,
  querystring: Type.Object(
    {
      permanent: Type.Boolean({
        default: false,
        description: 'A static member, too, leaves for good.',
        examples: [true],
      }),
    },
    { additionalProperties: false },
  ),
  response: { 204: Type.Null({ description: 'There is no such member any more.' }), ...problemReplies },
}

export const fetchForMember = (pages: PageSettings) => ({
  operationId: 'fetchForMember',
  summary: 'Read records as a member of a consumer group',
  description:
    'Releases and commits nothing: the same cursor starts at the same records until a later position is committed. ' +
    'With `waitMs` the reply comes with the first record, and as soon as the assignment changes. One fetch a member: a ' +
    'newer one ends the one before it, with an empty page.',
  tags,
  params: GroupMemberParams,
  querystring: Type.Object(
    {
      cursor: Type.String({
        minLength: 1,
        maxLength: 4096,
        description: 'The newest `cursor` of any reply to this member.',
        examples: ['AQMAFnQ1'],
      }),
      ...pageQuery(pages),
      ...formatQuery,
    },
    { additionalProperties: false },
  ),
  response: { 200: ref(MemberRecordsPageSchema), ...problemReplies },
})

export const SendHeartbeat = {
  operationId: 'sendHeartbeat',
  summary: 'Stay a member while working, and let partitions go',
  description: 'Keeps nothing alive once the fetch that the cursor comes from is longer ago than `maxPollIntervalMs`.',
  tags,
  params: GroupMemberParams,
  body: ref(HeartbeatSchema),
  response: { 200: ref(MemberHeartbeatSchema), ...problemReplies },
}

const cursor = 'AQMAFnQ1'
const standing = { memberEpoch: 2, assignment: [{ topic: 'orders', partitions: [2, 3] }], revoking: [] }
const timing = { heartbeatIntervalMs: 5000, sessionTimeoutMs: 45_000 }

export const joinExamples = {
  request: { topics: ['orders'] },
  replies: { 200: { cursor, ...standing, ...timing }, 201: { cursor, ...standing, ...timing } },
}
export const memberFetchExamples = {
  replies: {
    200: {
      records: [exampleRecord],
      ...standing,
      cursor,
      upToDate: false,
      partitions: [{ topic: 'orders', partition: 3, nextOffset: 18, highWatermark: 20, logStartOffset: 0 }],
      gaps: [],
    },
  },
}
export const heartbeatExamples = {
  request: { cursor, released: [{ topic: 'orders', partitions: [1] }] },
  replies: { 200: { cursor, ...standing } },
}

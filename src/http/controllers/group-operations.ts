import { ref } from '../schemas/component.ts'
import {
  CommitSchema,
  CommittedSchema,
  ConsumerGroupDescriptionSchema,
  ConsumerGroupListSchema,
  GroupOffsetListSchema,
  GroupParams,
  GroupRecordsPageSchema,
  GroupTopicParams,
  OffsetResetSchema,
  ResetOffsetsSchema,
} from '../schemas/consumer-groups.ts'
import {
  cursorQuery,
  formatQuery,
  listQuery,
  pageQuery,
  type PageSettings,
  partitionsQuery,
} from '../schemas/parameters.ts'
import { problemReplies } from '../schemas/problem.ts'
import { exampleRecord } from '../schemas/records.ts'
import { Type } from '../schemas/type.ts'

const tags = ['Groups']

const topicQuery = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, description, examples: ['orders'] }))

export const ListGroups = {
  operationId: 'listConsumerGroups',
  summary: 'List the consumer groups, sorted by id',
  tags,
  querystring: Type.Object(listQuery, { additionalProperties: false }),
  response: { 200: ref(ConsumerGroupListSchema), ...problemReplies },
}

export const GetGroup = {
  operationId: 'getConsumerGroup',
  summary: 'Describe a consumer group: members, committed offsets, lag',
  tags,
  params: GroupParams,
  response: { 200: ref(ConsumerGroupDescriptionSchema), ...problemReplies },
}

export const DeleteGroup = {
  operationId: 'deleteConsumerGroup',
  summary: 'Delete a consumer group with its committed offsets',
  description: 'Of a group with members: 409 `NON_EMPTY_GROUP`.',
  tags,
  params: GroupParams,
  response: { 204: Type.Null({ description: 'The group is gone.' }), ...problemReplies },
}

export const fetchRecords = (pages: PageSettings) => ({
  operationId: 'fetchRecords',
  summary: 'Read records for a consumer group without members',
  description:
    'Starts at `cursor`, else at the committed offsets. Nothing moves until a commit, so the same request can be ' +
    'repeated; commit the reply’s `cursor` when its records are worked off. Two readers of one group both get every ' +
    'record.',
  tags,
  params: GroupTopicParams,
  querystring: Type.Object(
    {
      cursor: cursorQuery,
      autoOffsetReset: Type.String({
        default: 'earliest',
        description:
          'Where to start in a partition without a committed offset, and where to go on where the position is out of ' +
          'range: `earliest`, `latest`, `by_duration:` with an ISO 8601 duration, or `none`: an error.',
        examples: ['earliest'],
      }),
      partitions: partitionsQuery,
      ...pageQuery(pages),
      ...formatQuery,
    },
    { additionalProperties: false },
  ),
  response: { 200: ref(GroupRecordsPageSchema), ...problemReplies },
})

export const ListGroupOffsets = {
  operationId: 'listCommittedOffsets',
  summary: 'List a group’s committed offsets with end offsets and lag',
  description: 'All partitions of the topics that the group has committed offsets for or is subscribed to.',
  tags,
  params: GroupParams,
  querystring: Type.Object(
    { ...listQuery, topic: topicQuery('All partitions of this topic only.') },
    { additionalProperties: false },
  ),
  response: { 200: ref(GroupOffsetListSchema), ...problemReplies },
}

export const CommitOffsets = {
  operationId: 'commitOffsets',
  summary: 'Commit what a group has worked off',
  description:
    'A commit never moves a group back: one that is older than what stands changes nothing. It can be repeated. ' +
    'With both, the offsets count (part of a page), and the cursor has to be one of this group. In a group with members ' +
    'only a member’s cursor commits. Partitions that the member has not owned since its cursor are refused: 409 ' +
    '`STALE_MEMBER_EPOCH` with `committed` and `refused`; the others are committed.',
  tags,
  params: GroupParams,
  body: ref(CommitSchema),
  response: { 200: ref(CommittedSchema), ...problemReplies },
}

export const ResetOffsets = {
  operationId: 'resetOffsets',
  summary: 'Set where a group reads on, also backwards',
  description: 'Of a group with members: 409 `NON_EMPTY_GROUP`.',
  tags,
  params: GroupParams,
  querystring: Type.Object(
    {
      dryRun: Type.Boolean({
        default: false,
        description: 'Say what the reset would do, and change nothing.',
        examples: [true],
      }),
    },
    { additionalProperties: false },
  ),
  body: ref(OffsetResetSchema),
  response: { 200: ref(ResetOffsetsSchema), ...problemReplies },
}

export const ForgetOffsets = {
  operationId: 'forgetOffsets',
  summary: 'Forget what a group committed',
  description: 'The group is gone when nothing is left. Of a group with members: 409 `NON_EMPTY_GROUP`.',
  tags,
  params: GroupParams,
  querystring: Type.Object(
    { topic: topicQuery('For this topic only. Default: for all.') },
    { additionalProperties: false },
  ),
  response: { 204: Type.Null({ description: 'It is forgotten.' }), ...problemReplies },
}

const place = { topic: 'orders', partition: 3 }
const group = { group: 'billing', state: 'Empty', type: 'consumer', memberCount: 0 }
const offset = {
  ...place,
  nextOffset: 18,
  endOffset: 20,
  logStartOffset: 0,
  lag: 2,
  metadata: '',
  commitTimestamp: 1_700_000_000_000,
}
const cursor = 'AQEAFnQ1'
const described = { ...group, groupEpoch: 0, assignmentEpoch: 0, assignor: null, members: [], offsets: [offset] }
const page = {
  records: [exampleRecord],
  cursor,
  upToDate: false,
  partitions: [{ ...place, nextOffset: 18, highWatermark: 20, logStartOffset: 0 }],
  gaps: [],
}

export const listGroupsExamples = { replies: { 200: { items: [group], nextCursor: null } } }
export const getGroupExamples = { replies: { 200: described } }
export const fetchExamples = { replies: { 200: page } }
export const listOffsetsExamples = { replies: { 200: { items: [offset], nextCursor: null } } }
export const commitExamples = {
  request: { offsets: [{ ...place, nextOffset: 18 }] },
  replies: { 200: { items: [{ ...place, nextOffset: 18, lag: 2 }] } },
}
export const resetExamples = {
  request: { topics: ['orders'], to: 'earliest' },
  replies: { 200: { items: [{ ...place, from: 18, to: 0, endOffset: 20 }] } },
}

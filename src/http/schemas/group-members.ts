import type { TSchema } from 'typebox'
import { SUBSCRIPTION_TOPICS_MAX } from '../../broker/group-member-service.ts'
import { component, ref, requestComponent } from './component.ts'
import { GroupRecordsPageSchema } from './consumer-groups.ts'
import { count, MAX_INT32, partitionNumber } from './integers.ts'
import { AssignedPartitionsSchema, group } from './member-description.ts'
import { orAbsent } from './nullable.ts'
import { Type } from './type.ts'

const memberCursor = Type.String({
  minLength: 1,
  maxLength: 4096,
  description: 'The newest `cursor` of any reply to this member.',
})

export const GroupMemberParams = Type.Object(
  {
    group,
    memberId: Type.String({
      description: 'Made by the client: at most 128 of A–Z, a–z, 0–9, `.`, `_` and `-`.',
      examples: ['worker-1'],
    }),
  },
  { additionalProperties: false },
)

const standing = {
  memberEpoch: count('Raised when the member’s assignment is moved on.'),
  assignment: Type.Array(ref(AssignedPartitionsSchema), { description: 'What the member reads.' }),
  revoking: Type.Array(ref(AssignedPartitionsSchema), {
    description:
      'What it is to let go of, within `maxPollIntervalMs`, by committing this reply’s cursor or a later one, or by a ' +
      'heartbeat with `released`. No page holds records of these partitions any more.',
  }),
}

export const SubscriptionSchema = requestComponent('Subscription', 'What a member reads, and how.', {
  topics: Type.Array(Type.String({ minLength: 1 }), {
    minItems: 1,
    maxItems: SUBSCRIPTION_TOPICS_MAX,
    description: 'Names; topics that are missing are created where the server is set to.',
  }),
  instanceId: orAbsent(
    Type.String({
      minLength: 1,
      description:
        'Makes a static member: after a restart, under any member id, it takes its partitions back. As a member id.',
    }),
  ),
  assignor: orAbsent(
    Type.String({
      minLength: 1,
      description: '`uniform` or `range`; the group uses the one that most members ask for.',
      examples: ['uniform'],
    }),
  ),
  maxPollIntervalMs: orAbsent(
    Type.Integer({
      format: 'int32',
      minimum: 1,
      maximum: MAX_INT32,
      description:
        'How long the member may work on a page, and how long it may take to let partitions go. Default: 300000.',
    }),
  ),
  autoOffsetReset: orAbsent(
    Type.String({
      minLength: 1,
      description:
        'Where to start in a partition without a committed offset, and where to go on where the position is out of ' +
        'range: `earliest` (default), `latest`, `by_duration:` with an ISO 8601 duration, or `none`: an error.',
      examples: ['earliest'],
    }),
  ),
  allowAutoCreateTopics: orAbsent(
    Type.Boolean({ description: 'Create topics that are missing, where the server does so. Default: true.' }),
  ),
})

export const JoinedMemberSchema = component('JoinedMember', 'A member, which owns its assignment.', {
  cursor: Type.String({ description: 'For the first fetch. All cursors that the member had before are void.' }),
  ...standing,
  heartbeatIntervalMs: count('Work that takes longer sends heartbeats so often.'),
  sessionTimeoutMs: count('A member that is silent for so long has left.'),
})

export const MemberRecordsPageSchema = component('MemberRecordsPage', 'A page of records for a member of a group.', {
  ...GroupRecordsPageSchema.properties,
  ...standing,
})

export const ReleasedPartitionsSchema = requestComponent('ReleasedPartitions', 'Partitions that are read no longer.', {
  topic: Type.String({ minLength: 1 }),
  partitions: Type.Array(partitionNumber(), { maxItems: 100_000 }),
})

export const HeartbeatSchema = requestComponent('Heartbeat', 'A sign of life.', {
  cursor: memberCursor,
  released: Type.Optional(
    Type.Unsafe<{ topic: string; partitions: number[] }[] | null>({
      type: ['array', 'null'],
      items: { $ref: 'ReleasedPartitions#' },
      maxItems: 1000,
      description: 'Revoking partitions that the member has done with; others stay with it.',
    }),
  ),
})

export const MemberHeartbeatSchema = component('MemberHeartbeat', 'How a member stands.', {
  cursor: Type.String({ description: 'The same positions and fetch time, with the present epoch.' }),
  ...standing,
})

export const memberComponents: readonly TSchema[] = [
  AssignedPartitionsSchema,
  SubscriptionSchema,
  JoinedMemberSchema,
  MemberRecordsPageSchema,
  ReleasedPartitionsSchema,
  HeartbeatSchema,
  MemberHeartbeatSchema,
]

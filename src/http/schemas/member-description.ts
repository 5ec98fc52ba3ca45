import { component, ref } from './component.ts'
import { count, partitionNumber } from './integers.ts'
import { nullable } from './nullable.ts'
import { Type } from './type.ts'

export const group = Type.String({
  description: 'The group’s id: at most 249 of A–Z, a–z, 0–9, `.`, `_` and `-`.',
  examples: ['billing'],
})

export const AssignedPartitionsSchema = component('AssignedPartitions', 'Partitions of one topic.', {
  topic: Type.String(),
  partitions: Type.Array(partitionNumber(), { description: 'Ascending.' }),
})

export const GroupMemberSchema = component('GroupMember', 'A member of a consumer group.', {
  memberId: Type.String(),
  instanceId: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'Of a static member.' }),
  clientId: Type.String({
    description: 'The User-Agent of its join; where a Kafka cluster keeps the group, the client.id of the gateway.',
  }),
  clientHost: Type.String({
    description: 'Where its join came from; where a Kafka cluster keeps the group, the gateway.',
  }),
  memberEpoch: Type.Integer({
    format: 'int32',
    minimum: -2,
    description: 'Negative of a static member that left and may come back, and of members of classic groups.',
  }),
  state: Type.String({
    description: 'Stable, UnrevokedPartitions, UnreleasedPartitions or Left. More may be added.',
    examples: ['Stable'],
  }),
  topics: Type.Array(Type.String(), { description: 'Its subscription.' }),
  maxPollIntervalMs: nullable(
    count('How long it may work on a page, and take to let partitions go; null where a Kafka cluster keeps the group.'),
  ),
  assignment: Type.Array(ref(AssignedPartitionsSchema), { description: 'What it reads.' }),
  revoking: Type.Array(ref(AssignedPartitionsSchema), { description: 'What it is to let go of.' }),
  target: Type.Array(ref(AssignedPartitionsSchema), {
    description: 'What it is to own when all members have followed.',
  }),
})

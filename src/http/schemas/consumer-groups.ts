import type { Static, TSchema } from 'typebox'
import { component, ref, requestComponent } from './component.ts'
import { count, MAX_INTEGER, offset, partitionNumber, timestamp } from './integers.ts'
import { group, GroupMemberSchema } from './member-description.ts'
import { nullable, orAbsent } from './nullable.ts'
import { RecordsPageSchema } from './records.ts'
import { Type } from './type.ts'

/** Entries that one commit or reset may name. */
export const MAX_COMMIT_ENTRIES = 10_000

const lag = nullable(
  Type.Integer({
    format: 'int64',
    minimum: -MAX_INTEGER,
    maximum: MAX_INTEGER,
    description: 'Offsets between the committed one and the end; null where either is not known.',
  }),
)
const endOffset = nullable(offset('The offset that the next record gets; null where the partition is offline.'))
const nextCursor = Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'null on the last page.' })

export const GroupParams = Type.Object({ group }, { additionalProperties: false })

export const GroupTopicParams = Type.Object(
  { group, topic: Type.String({ minLength: 1, description: 'The topic’s name.', examples: ['orders'] }) },
  { additionalProperties: false },
)

export const ConsumerGroupSchema = component('ConsumerGroup', 'A consumer group in a list.', {
  group,
  state: Type.String({
    description:
      'Empty (it has no members), Assigning, Reconciling or Stable; PreparingRebalance and CompletingRebalance only of ' +
      'classic groups. More may be added.',
    examples: ['Empty'],
  }),
  type: Type.String({
    description:
      'The protocol of its members: consumer, or classic in front of a Kafka cluster, where such a group can be looked at, ' +
      'and changed while it has no members. More may be added.',
    examples: ['consumer'],
  }),
  memberCount: count('How many members it has.'),
})

export const ListWarningSchema = component('ListWarning', 'What a list leaves out.', {
  code: Type.String({ description: 'An error code: see /errors.', examples: ['COORDINATOR_NOT_AVAILABLE'] }),
  detail: Type.String({ description: 'What is missing, and why.' }),
})

export const ConsumerGroupListSchema = component('ConsumerGroupList', 'A page of consumer groups, sorted by id.', {
  items: Type.Array(ref(ConsumerGroupSchema)),
  nextCursor,
  warnings: Type.Optional(
    Type.Array(ref(ListWarningSchema), {
      description:
        'Groups are missing, because a node of the Kafka cluster that keeps some did not answer. Else absent.',
    }),
  ),
})

export const GroupOffsetSchema = component('GroupOffset', 'Where a group stands in a partition.', {
  topic: Type.String(),
  partition: partitionNumber(),
  nextOffset: nullable(offset('The committed offset: the next to read; null where nothing was committed.')),
  endOffset,
  logStartOffset: nullable(offset('The first offset that is kept; null where the partition is offline.')),
  lag,
  metadata: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'What the commit said beside it.' }),
  commitTimestamp: nullable(
    timestamp('When it was committed; null where nothing was, and where a Kafka cluster keeps the group.'),
  ),
})

export const GroupOffsetListSchema = component(
  'GroupOffsetList',
  'A page of a group’s offsets, sorted by topic and partition.',
  { items: Type.Array(ref(GroupOffsetSchema)), nextCursor },
)

export const ConsumerGroupDescriptionSchema = component(
  'ConsumerGroupDescription',
  'A consumer group with its members and where it stands.',
  {
    ...ConsumerGroupSchema.properties,
    groupEpoch: count('Raised by whatever changes what members are to own; 0 where there never were any.'),
    assignmentEpoch: count('The group epoch that the members’ targets are of.'),
    assignor: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: 'How partitions are shared; null where there never were members.',
    }),
    members: Type.Array(ref(GroupMemberSchema)),
    offsets: Type.Array(ref(GroupOffsetSchema), {
      description: 'All partitions of the topics it has committed offsets for or is subscribed to.',
    }),
  },
)

export const OffsetToCommitSchema = requestComponent('OffsetToCommit', 'An offset to commit.', {
  topic: Type.String({ minLength: 1 }),
  partition: partitionNumber(),
  nextOffset: offset('The next offset to read: that of the last record worked off, plus one.'),
  metadata: orAbsent(Type.String({ description: 'Kept with the offset; limited by offset.metadata.max.bytes.' })),
})

export type OffsetToCommit = Static<typeof OffsetToCommitSchema>

const offsetsToCommit = Type.Optional(
  Type.Unsafe<OffsetToCommit[] | null>({
    type: ['array', 'null'],
    items: { $ref: 'OffsetToCommit#' },
    minItems: 1,
    maxItems: MAX_COMMIT_ENTRIES,
    description: 'Offsets by partition, each partition once.',
  }),
)

export const CommitSchema = requestComponent('Commit', 'What a group has worked off: a cursor, or offsets.', {
  cursor: orAbsent(
    Type.String({
      minLength: 1,
      maxLength: 4096,
      description:
        'The `cursor` of a page of this group: everything before it was worked off. Members give their newest one, also beside `offsets`.',
    }),
  ),
  offsets: offsetsToCommit,
})

export const CommittedOffsetSchema = component('CommittedOffset', 'A committed offset as it now stands.', {
  topic: Type.String(),
  partition: partitionNumber(),
  nextOffset: offset('Never lower than it was: an older commit changes nothing.'),
  lag,
})

export const CommittedSchema = component('Committed', 'All of it is durable.', {
  items: Type.Array(ref(CommittedOffsetSchema), { description: 'In the order of the request.' }),
})

export const OffsetResetSchema = requestComponent(
  'OffsetReset',
  'Where a group is to read on: topics and a point in them, or offsets.',
  {
    topics: Type.Optional(
      Type.Unsafe<string[] | null>({
        type: ['array', 'null'],
        items: { type: 'string', minLength: 1 },
        minItems: 1,
        maxItems: 1000,
        description: 'All partitions of these topics.',
      }),
    ),
    to: orAbsent(
      Type.String({
        minLength: 1,
        description: '`earliest`, `latest` or a time; where no record is at or after the time, the end.',
      }),
    ),
    offsets: offsetsToCommit,
  },
)

export const ResetOffsetSchema = component('ResetOffset', 'How a reset moves a group in a partition.', {
  topic: Type.String(),
  partition: partitionNumber(),
  from: nullable(offset('The committed offset before; null where there was none.')),
  to: offset('The committed offset after.'),
  endOffset,
})

export const ResetOffsetsSchema = component('ResetOffsets', 'What a reset did, or with `dryRun` would do.', {
  items: Type.Array(ref(ResetOffsetSchema)),
})

export const OffsetGapSchema = component(
  'OffsetGap',
  'A position that could not be read: reading went on elsewhere, as `autoOffsetReset` says.',
  {
    topic: Type.String(),
    partition: partitionNumber(),
    fromOffset: offset('The position that was asked for.'),
    toOffset: offset('Where reading went on: lower than `fromOffset` if that was beyond the log’s end.'),
  },
)

export const GroupRecordsPageSchema = component('GroupRecordsPage', 'A page of records for a consumer group.', {
  ...RecordsPageSchema.properties,
  gaps: Type.Array(ref(OffsetGapSchema), { description: 'Records that the group missed; usually none.' }),
})

export const groupComponents: readonly TSchema[] = [
  ConsumerGroupSchema,
  ListWarningSchema,
  ConsumerGroupListSchema,
  GroupMemberSchema,
  GroupOffsetSchema,
  GroupOffsetListSchema,
  ConsumerGroupDescriptionSchema,
  OffsetToCommitSchema,
  CommitSchema,
  CommittedOffsetSchema,
  CommittedSchema,
  OffsetResetSchema,
  ResetOffsetSchema,
  ResetOffsetsSchema,
  OffsetGapSchema,
  GroupRecordsPageSchema,
]

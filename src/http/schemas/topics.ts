import type { TSchema } from 'typebox'
import { component, ref, requestComponent } from './component.ts'
import { count, MAX_INT32, offset, offsetOrUnknown, partitionNumber, timestamp } from './integers.ts'
import { nullable, orAbsent } from './nullable.ts'
import { Type } from './type.ts'

type ConfigInput = Record<string, string | number | boolean | null>

const topicName = Type.String({ description: 'At most 249 of A–Z, a–z, 0–9, `.`, `_` and `-`.' })
const partitionsWanted = Type.Integer({ format: 'int32', minimum: 1, maximum: MAX_INT32 })
const configsWanted = Type.Unsafe<ConfigInput>({
  type: 'object',
  additionalProperties: { type: ['string', 'number', 'boolean', 'null'] },
  description: 'Topic configs by Kafka’s names. Null removes an override.',
})

export const TopicConfigValueSchema = component('TopicConfigValue', 'A config in force.', {
  value: Type.String(),
  source: Type.String({ description: 'Who set it: topic, broker or default. More may be added.', examples: ['topic'] }),
})

export const TopicSchema = component('Topic', 'A topic in a list.', {
  name: Type.String(),
  topicId: Type.String({ description: 'Another topic of the same name has another id.' }),
  internal: Type.Boolean({ description: 'Kept by the server, or the Kafka cluster behind it: can only be read.' }),
  partitions: count('How many partitions it has.'),
})

export const TopicDescriptionSchema = component('TopicDescription', 'A topic with its configs.', {
  ...TopicSchema.properties,
  configs: Type.Record(Type.String(), ref(TopicConfigValueSchema)),
})

export const TopicListSchema = component('TopicList', 'A page of topics, sorted by name.', {
  items: Type.Array(ref(TopicSchema)),
  nextCursor: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'null on the last page.' }),
})

export const NewTopicSchema = requestComponent('NewTopic', 'A topic to create.', {
  name: topicName,
  partitions: orAbsent({ ...partitionsWanted, description: 'Default: num.partitions of the server.' }),
  configs: orAbsent(configsWanted),
})

export const TopicSettingsSchema = requestComponent('TopicSettings', 'Settings that a topic should have.', {
  partitions: orAbsent({ ...partitionsWanted, description: 'How many in all; never fewer than there are.' }),
  configs: orAbsent(configsWanted),
})

export const SegmentSchema = component('Segment', 'A file of a partition’s log.', {
  baseOffset: offset('Its first offset.'),
  sizeBytes: offset('Its bytes.'),
  maxTimestamp: timestamp('The largest of its records; −1 = none.'),
  active: Type.Boolean({ description: 'The one that is written to.' }),
})

export const PartitionRetentionSchema = component(
  'PartitionRetention',
  'What retention did to a partition since the server started; of the brokers of a Kafka cluster that is not known.',
  {
    removedAt: timestamp('When it last removed segments; −1 = not yet.'),
    removedSegments: count('How many it removed then.'),
    removedBytes: offset('Their bytes.'),
    pinnedByTimestamp: timestamp('A time yet to come that keeps the oldest segment, and all behind it; −1 = none.'),
  },
)

export const PartitionCompactionSchema = component(
  'PartitionCompaction',
  'How far a partition is compacted, since the server started.',
  {
    dirtyRatio: Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'Share of what came since the last cleaning in what a cleaning now would read.',
    }),
    firstDirtyOffset: offset('Where the next cleaning begins to look for keys.'),
    cleanedAt: timestamp('When it was last cleaned; −1 = not yet.'),
    recordsRead: offset('Records that the cleaning read.'),
    recordsKept: offset('Records that it kept.'),
    bytesRead: offset('Bytes that it read.'),
    bytesKept: offset('Bytes that it kept.'),
    trouble: nullable(Type.String({ description: 'Why it is not cleaned now; null while all is well.' })),
  },
)

export const PartitionSchema = component('Partition', 'A partition of a topic.', {
  partition: partitionNumber(),
  leader: Type.Integer({ format: 'int32', description: 'The id of the node that serves it; −1 while there is none.' }),
  replicas: Type.Array(Type.Integer({ format: 'int32' })),
  isr: Type.Array(Type.Integer({ format: 'int32' }), { description: 'Replicas in sync.' }),
  logDir: Type.String({
    description: 'The log directory that holds it; of a Kafka cluster its leader’s, empty where that does not say.',
  }),
  online: Type.Boolean(),
  logStartOffset: offsetOrUnknown('The first offset that is kept.'),
  highWatermark: offsetOrUnknown('The first offset that cannot be read yet.'),
  sizeBytes: offsetOrUnknown('Its bytes on disk.'),
  segments: Type.Array(ref(SegmentSchema)),
  retention: ref(PartitionRetentionSchema),
  compaction: Type.Optional(ref(PartitionCompactionSchema)),
})

export const PartitionListSchema = component('PartitionList', 'A page of partitions, in number order.', {
  items: Type.Array(ref(PartitionSchema)),
  nextCursor: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'null on the last page.' }),
})

export const PartitionOffsetSchema = component('PartitionOffset', 'A point in a partition.', {
  topic: Type.String(),
  partition: partitionNumber(),
  offset: nullable(offset('null where no record is at or after the time.')),
  timestamp: timestamp('Of the record found; −1 for earliest and latest.'),
})

export const PartitionOffsetListSchema = component('PartitionOffsetList', 'A page of offsets, by partition.', {
  items: Type.Array(ref(PartitionOffsetSchema)),
  nextCursor: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'null on the last page.' }),
})

export const RecordDeletionSchema = component('RecordDeletion', 'Where a partition begins and ends now.', {
  topic: Type.String(),
  partition: partitionNumber(),
  logStartOffset: offset('The first offset that is kept.'),
  highWatermark: offset('The first offset that cannot be read yet.'),
})

export const topicComponents: readonly TSchema[] = [
  TopicConfigValueSchema,
  TopicSchema,
  TopicDescriptionSchema,
  TopicListSchema,
  NewTopicSchema,
  TopicSettingsSchema,
  SegmentSchema,
  PartitionRetentionSchema,
  PartitionCompactionSchema,
  PartitionSchema,
  PartitionListSchema,
  PartitionOffsetSchema,
  PartitionOffsetListSchema,
  RecordDeletionSchema,
]

export const exampleTopic = {
  name: 'orders',
  topicId: 'c2Vjb25kLXRvcGljLWlkMQ',
  internal: false,
  partitions: 6,
  configs: { 'retention.ms': { value: '86400000', source: 'topic' } },
}

import type { Clock } from '../../broker/clock.ts'
import type { Engine } from '../../broker/engine.ts'
import type { Logger } from '../../broker/logger.ts'
import type { TopicStore } from '../../broker/topic-store.ts'
import type { GroupSettings } from './membership/group-settings.ts'

/** What the coordinator needs of the engine it lives in: its own topic's records, written and read back. */
export type OffsetsLog = Pick<Engine, 'append' | 'read'>

export interface GroupCoordinatorOptions {
  readonly log: OffsetsLog
  /** For the creation of `__consumer_offsets`, and for the ids of the topics that offsets are committed for. */
  readonly topics: TopicStore
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: GroupLimits
  /** Absent: committed offsets are kept for ever. */
  readonly expiry?: OffsetsExpirySettings
}

export interface GroupLimits {
  /** `offsets.topic.num.partitions`: counts when the topic is created; afterwards the topic's own number does. */
  readonly offsetsTopicPartitions: number
  /** `offsets.topic.segment.bytes` */
  readonly offsetsTopicSegmentBytes: number
  /** `offset.metadata.max.bytes`, in UTF-16 units, as Kafka counts. */
  readonly offsetMetadataBytesMax: number
  readonly members: GroupSettings
}

export interface OffsetsExpirySettings {
  /** `offsets.retention.minutes` in milliseconds. */
  readonly retentionMs: number
  /** `offsets.retention.check.interval.ms` */
  readonly checkIntervalMs: number
  /** Whether what is older than so many milliseconds may be deleted now: the clock may be doubted. */
  readonly mayDeleteAfter: (retentionMs: number) => boolean
}

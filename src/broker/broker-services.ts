import { BatchCompression } from './batch-compression.ts'
import { BatchPublishService } from './batch-publish-service.ts'
import type { Clock } from './clock.ts'
import { ClusterService } from './cluster-service.ts'
import { CodecJobs } from './codec-jobs.ts'
import { CursorCodec } from './cursor.ts'
import type { Engine } from './engine.ts'
import { GroupFetchService } from './group-fetch-service.ts'
import { GroupMemberService } from './group-member-service.ts'
import { GroupService } from './group-service.ts'
import { MemberCommits } from './member-commits.ts'
import { MemberCursorCodec } from './member-cursor.ts'
import { MemberFetchService } from './member-fetch-service.ts'
import { MemberFetches } from './member-fetches.ts'
import { MemberPageReader } from './member-page-reader.ts'
import { MemberPositionFinder } from './member-positions.ts'
import { OffsetService } from './offset-service.ts'
import { PageReader } from './page-reader.ts'
import { ProducerService } from './producer-service.ts'
import { PublishService } from './publish-service.ts'
import { RecordDeletionService } from './record-deletion-service.ts'
import { ReadService } from './read-service.ts'
import { SubscriptionStarts } from './subscription-starts.ts'
import { TopicAutoCreation } from './topic-auto-creation.ts'
import type { BrokerTopicDefaults } from './topic-config-definitions.ts'
import { TopicPages } from './topic-pages.ts'
import { TopicService } from './topic-service.ts'
import { MemberStreamService } from './member-stream-service.ts'
import { TopicStreamService } from './topic-stream-service.ts'
import { TopicTurns } from './topic-turns.ts'
import { TopicSettings } from './topic-settings.ts'

/** What the services do with topics and offsets that nobody said anything else about. */
export interface BrokerSettings {
  /** `auto.create.topics.enable` */
  readonly autoCreateTopicsEnable: boolean
  /** `delete.topic.enable` */
  readonly deleteTopicEnable: boolean
  /** `num.partitions` */
  readonly numPartitions: number
  /** `topic.partitions.max` */
  readonly topicPartitionsMax: number
  /** `page.max.partitions` */
  readonly pageMaxPartitions: number
  /** `offset.metadata.max.bytes` */
  readonly offsetMetadataMaxBytes: number
  /** `group.consumer.assignors` */
  readonly groupConsumerAssignors: readonly string[]
  readonly brokerTopicDefaults: BrokerTopicDefaults
}

/** What the configuration says by default. */
export const defaultBrokerSettings: BrokerSettings = {
  autoCreateTopicsEnable: true,
  deleteTopicEnable: true,
  numPartitions: 1,
  topicPartitionsMax: 1000,
  pageMaxPartitions: 256,
  offsetMetadataMaxBytes: 4096,
  groupConsumerAssignors: ['uniform', 'range'],
  brokerTopicDefaults: new Map(),
}

export interface BrokerServices {
  readonly topics: TopicService
  readonly offsets: OffsetService
  readonly publish: PublishService
  readonly publishBatches: BatchPublishService
  readonly producers: ProducerService
  readonly reads: ReadService
  readonly recordDeletion: RecordDeletionService
  readonly topicStreams: TopicStreamService
  readonly groups: GroupService
  readonly groupMembers: GroupMemberService
  readonly memberStreams: MemberStreamService
  readonly groupFetch: GroupFetchService
  readonly cluster: ClusterService
}

export interface BrokerDependencies {
  readonly engine: Engine
  readonly kind: 'embedded' | 'kafka'
  readonly clusterId: string
  readonly clock: Clock
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** The domain's services over one engine, wired to each other. */
export function createBrokerServices(deps: BrokerDependencies, settings: BrokerSettings): BrokerServices {
  const { engine, kind, clusterId, clock, random } = deps
  const cursors = new CursorCodec({ engine: kind, clusterId })
  const offsets = new OffsetService(engine, cursors, clock)
  const pages = new PageReader(engine, clock)
  const topicPages = new TopicPages(engine, pages, cursors, settings.pageMaxPartitions)
  const reads = new ReadService({ engine, clock, pages, topicPages, offsets })
  const { numPartitions, offsetMetadataMaxBytes: offsetMetadataBytesMax } = settings
  const publishing = publishingParts(deps, settings)
  const members = memberService({ engine, clock, cursors, offsets, pages, topics: publishing.topics }, settings)
  return {
    topics: new TopicService(engine, cursors, {
      numPartitions,
      deleteTopicEnable: settings.deleteTopicEnable,
      maxPartitionsPerTopic: settings.topicPartitionsMax,
      brokerDefaults: settings.brokerTopicDefaults,
      isCluster: kind === 'kafka',
    }),
    offsets,
    publish: new PublishService({ ...publishing, random }),
    publishBatches: new BatchPublishService(publishing),
    producers: new ProducerService(engine),
    reads,
    recordDeletion: new RecordDeletionService(engine, publishing.topicConfigOf),
    topicStreams: new TopicStreamService({ engine, cursors, reads, topicPages }),
    groups: new GroupService({ engine, clock, cursors, offsets, offsetMetadataBytesMax, members }),
    groupMembers: members,
    memberStreams: new MemberStreamService({ engine, clock, members, memberCursors: new MemberCursorCodec(cursors) }),
    groupFetch: new GroupFetchService({ engine, clock, cursors, topicPages, offsets }),
    cluster: new ClusterService(engine, cursors),
  }
}

/** What all that append share. */
function publishingParts({ engine, kind, clock }: BrokerDependencies, settings: BrokerSettings) {
  const codecJobs = new CodecJobs()
  const topicSettings = new TopicSettings(settings.brokerTopicDefaults, (topic) =>
    engine.topics.inheritedConfigs(topic),
  )
  return {
    engine,
    durability: kind === 'embedded' ? 'fsync' : 'replicated',
    topics: new TopicAutoCreation(engine.topics, {
      enabled: settings.autoCreateTopicsEnable,
      numPartitions: settings.numPartitions,
    }),
    topicConfigOf: topicSettings.configOf,
    clock,
    compression: new BatchCompression(codecJobs),
    turns: new TopicTurns(),
    codecJobs,
  } as const
}

interface MemberParts {
  readonly engine: Engine
  readonly clock: Clock
  readonly cursors: CursorCodec
  readonly offsets: OffsetService
  readonly pages: PageReader
  readonly topics: TopicAutoCreation
}

function memberService(parts: MemberParts, settings: BrokerSettings): GroupMemberService {
  const { engine, clock, cursors, offsets, topics } = parts
  const memberCursors = new MemberCursorCodec(cursors)
  const fetches = new MemberFetches()
  const positions = new MemberPositionFinder(engine, offsets)
  const pages = new MemberPageReader(engine, parts.pages, clock)
  return new GroupMemberService({
    engine,
    clock,
    topics,
    memberCursors,
    fetches,
    assignors: settings.groupConsumerAssignors,
    starts: new SubscriptionStarts(engine, offsets),
    fetchService: new MemberFetchService({ engine, clock, memberCursors, positions, pages, offsets, fetches }),
    commits: new MemberCommits({ engine, clock, offsetMetadataBytesMax: settings.offsetMetadataMaxBytes }),
  })
}

import type { AppendRequest, AppendResult } from '../broker/append-request.ts'
import type { OffsetAnswer, OffsetQuery, ReadRequest, ReadResult } from '../broker/engine.ts'
import type { Clock } from '../broker/clock.ts'
import type { GroupCoordinator } from '../broker/group-coordinator.ts'
import type { GroupMembership } from '../broker/group-membership.ts'
import type { Logger } from '../broker/logger.ts'
import type { Producers } from '../broker/publish-claim.ts'
import type { TopicConfig } from '../broker/topic-config.ts'
import type { TopicStore, TopicSummary } from '../broker/topic-store.ts'
import type { ClusterClient } from './cluster-client.ts'

/** What every part of the engine is given. */
export interface EngineContext {
  readonly client: ClusterClient
  readonly topics: TopicStore
  /** The settings in force for a topic. */
  readonly topicConfigOf: (topic: TopicSummary) => TopicConfig
  readonly clock: Clock
  readonly logger: Logger
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly limits: EngineLimits
}

export interface EngineLimits {
  /** `produce.inflight.max.bytes`: beyond it appends wait, then SERVER_OVERLOADED. */
  readonly produceInflightBytesMax: number
  /** `request.admission.wait.ms` */
  readonly admissionWaitMs: number
  /** `fetch.waiting.max`: beyond it reads are SERVER_OVERLOADED. */
  readonly waitingReadsMax: number
  /** `fetch.inflight.max.bytes` */
  readonly fetchInflightBytesMax: number
  /** `offset.metadata.max.bytes` */
  readonly offsetMetadataBytesMax: number
  /** `idempotency.key.retention.ms` */
  readonly keyRetentionMs: number
  /** `producer.id.expiration.ms` */
  readonly producerExpirationMs: number
  /** `producer.state.max.bytes` */
  readonly producerStateBytesMax: number
}

/** Stores records. */
export interface ProducePart {
  readonly producers: Producers
  append(request: AppendRequest): Promise<AppendResult>
  /** Requests refused for want of room. */
  readonly refusals: number
  /** Memory for what is known of requests that say who they are. */
  readonly producerStateBytes: number
  /** Refuses what comes from now on, and resolves when what is under way is answered. */
  close(): Promise<void>
}

/** Reads records, and finds offsets. */
export interface FetchPart {
  read(request: ReadRequest): Promise<ReadResult>
  listOffsets(queries: readonly OffsetQuery[]): Promise<readonly OffsetAnswer[]>
  /** Reads refused because too many wait. */
  readonly refusals: number
  /** Ends waiting reads with what there is; resolves when those under way are answered. */
  close(): Promise<void>
}

/** Consumer groups. */
export interface GroupPart {
  readonly groups: GroupCoordinator
  readonly membership: GroupMembership
  close(): Promise<void>
}

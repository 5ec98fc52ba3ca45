import type { AppendRequest, AppendResult } from './append-request.ts'
import type { BrokerError } from './broker-error.ts'
import type { EngineStatistics } from './engine-statistics.ts'
import type { GroupCoordinator } from './group-coordinator.ts'
import type { GroupMembership } from './group-membership.ts'
import type { LogDirDescription } from './log-dir-description.ts'
import type { Producers } from './publish-claim.ts'
import type { TopicStore } from './topic-store.ts'

/**
 * The port between the broker and whatever keeps the records: this machine's disk, or a Kafka cluster.
 *
 * Record batches cross it as Kafka writes them (record batch v2). All methods may be called at any time and at the same
 * time; what fails with an operating error rejects with (or holds) a `BrokerError`, anything else is a bug.
 */
export interface Engine {
  readonly topics: TopicStore
  readonly groups: GroupCoordinator
  readonly membership: GroupMembership
  readonly producers: Producers
  /** See `AppendRequest`. Rejects only if nothing was stored anywhere; a failure of some parts is told per part. */
  append(request: AppendRequest): Promise<AppendResult>
  /** See `ReadRequest`. One partition's trouble is told in its entry, and never rejects the others. */
  read(request: ReadRequest): Promise<ReadResult>
  /** For each query the first offset at or after a time, or an end of the log; entries in the order asked. */
  listOffsets(queries: readonly OffsetQuery[]): Promise<readonly OffsetAnswer[]>
  cluster(): Promise<ClusterDescription>
  logDirs(): Promise<readonly LogDirDescription[]>
  /** What keeps the engine from doing its work in full, at this moment; empty when all is well. */
  troubles(): readonly Trouble[]
  statistics(): EngineStatistics
  /**
   * Stops taking appends (they reject with SERVER_STOPPING, `stored: no`), finishes those under way, ends waiting reads
   * with what there is, makes everything durable and releases what is held. May be called twice.
   */
  close(): Promise<void>
}

export interface ReadPosition {
  readonly topic: string
  /** If given, a topic of that name with another id is UNKNOWN_TOPIC_ID. */
  readonly topicId?: string
  readonly partition: number
  readonly offset: number
}

export interface ReadRequest {
  /** Read in this order. */
  readonly positions: readonly ReadPosition[]
  /**
   * Stored bytes in all: a position is given no further batch once the sum is reached. The first batch found is
   * returned whatever its size.
   */
  readonly maxBytes: number
  /** Milliseconds to wait if no position has data and none an error; 0 = answer at once. */
  readonly waitMs: number
  /** Ends the wait: the answer is then what there is, usually nothing. */
  readonly signal?: AbortSignal
}

export interface ReadResult {
  /** In the order of the request's positions. */
  readonly partitions: readonly PartitionRead[]
}

export interface PartitionRead {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  /**
   * Whole record batches, in offset order, verified against their CRC, all below the high watermark. A buffer holds one
   * batch or several, one behind the other, and nothing else. The first batch may begin before the offset asked for, and
   * any may hold gaps: the reader drops what is below its offset. The buffers may be shared with the engine's caches
   * and must not be written to.
   */
  readonly batches: readonly Buffer[]
  /**
   * Where it is there, the reader may call it once, when nothing refers to the batches any more: their memory goes at once
   * instead of when it is collected. Whoever reads them all the same finds them empty.
   */
  readonly release?: () => void
  /** First offset that is not yet durable: readers see what is below. −1 if unknown. */
  readonly highWatermark: number
  readonly logStartOffset: number
  /** OFFSET_OUT_OF_RANGE (410 below the start, 416 beyond the end), KAFKA_STORAGE_ERROR, CORRUPT_MESSAGE, UNKNOWN_… */
  readonly error?: BrokerError
  /** Behind a damaged range: the next offset that can be read. */
  readonly nextReadableOffset?: number
}

/** A point in a partition: an end, or a Unix time in milliseconds. */
export type OffsetSpec = 'earliest' | 'latest' | number

export interface OffsetQuery {
  readonly topic: string
  readonly partition: number
  readonly at: OffsetSpec
}

export interface OffsetAnswer {
  readonly topic: string
  readonly partition: number
  /** null where no record is at or after the time. */
  readonly offset: number | null
  /** The timestamp of the record found; −1 for earliest and latest. */
  readonly timestamp: number
  readonly error?: BrokerError
}

export interface ClusterDescription {
  readonly clusterId: string
  readonly controllerId: number
  readonly engine: 'embedded' | 'kafka'
  readonly nodes: readonly {
    readonly id: number
    readonly host: string
    readonly port: number
    readonly rack?: string
  }[]
}

export interface Trouble {
  /**
   * A stable word: `log-dir-offline`, `log-dir-poisoned`, `partition-fenced`, `disk-full`, `coordinator-loading`,
   * `producers-lost`, `partition-damaged`, `segment-unreadable`, `catalogue-rebuilt`, `partitions-unknown`.
   */
  readonly kind: string
  readonly detail: string
  /** True while the server should get no traffic at all. */
  readonly notReady: boolean
}

import type { BrokerError } from './broker-error.ts'
import type { EngineStatistics } from './engine-statistics.ts'
import type { GroupCoordinator } from './group-coordinator.ts'
import type { GroupMembership } from './group-membership.ts'
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

/** Kafka's `acks`: all = durable before the answer; 1 = written, not yet durable; 0 = queued. */
export type Acks = 'all' | '1' | '0'

/** What an acknowledgement vouches for. An open set on the wire. */
export type Durability = 'fsync' | 'replicated' | 'kernel' | 'none'

/**
 * One encoded record batch v2, uncompressed or compressed; its producer, if it has one, is for readers only. The engine takes the buffer over: it
 * patches base offset, leader epoch and, for LogAppendTime, attributes, max timestamp and CRC; the caller must not touch
 * it again.
 */
export interface EncodedBatch {
  readonly bytes: Buffer
  readonly recordCount: number
  /** The largest record timestamp, Unix milliseconds. */
  readonly maxTimestamp: number
}

export interface AppendPart {
  readonly partition: number
  /** At least one, in order; each at most the topic's `max.message.bytes`. */
  readonly batches: readonly EncodedBatch[]
}

/** One publish request: all parts of one topic, each partition at most once. Atomic in each log directory. */
export interface AppendRequest {
  readonly topic: string
  readonly parts: readonly AppendPart[]
  readonly acks: Acks
}

export interface AppendResult {
  readonly durability: Durability
  /** In the order of the request's parts. */
  readonly parts: readonly AppendPartResult[]
}

export interface AppendPartResult {
  readonly partition: number
  /** Offset of the part's first record; the others follow densely, but for `runs`. −1 if `error`. */
  readonly baseOffset: number
  /** Unix milliseconds where the topic says LogAppendTime, else −1. */
  readonly logAppendTime: number
  /**
   * Where records of others came between the part's batches, or only some of them were stored (then `error` says so):
   * one for each batch of the part, in order.
   */
  readonly runs?: readonly StoredRun[]
  readonly error?: BrokerError
}

/** A batch of a part: its records follow each other. */
export interface StoredRun {
  readonly recordCount: number
  /** −1: it is not stored, or it is not known. */
  readonly baseOffset: number
  readonly logAppendTime: number
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

export interface LogDirDescription {
  readonly path: string
  readonly state: 'online' | 'read-only' | 'offline'
  /** Why it is not online. */
  readonly reason?: string
  readonly totalBytes: number
  readonly freeBytes: number
  readonly partitionCount: number
  readonly sizeBytes: number
  /** Absent where nothing is read again by this program. */
  readonly scrub?: ScrubDescription
}

/** How far the reading again of a directory's segments is. */
export interface ScrubDescription {
  readonly state: 'off' | 'waiting' | 'reading'
  /** Bytes read again since the start. */
  readonly scrubbedBytes: number
  /** Of the present pass over all segments, or the last one. */
  readonly passBytes: number
  readonly passTotalBytes: number
  /** When a pass last came to its end, Unix milliseconds; −1 = not since the start. */
  readonly lastFullPassAt: number
  /** Damaged stretches and files that cannot be read, as far as they are still part of a log. */
  readonly findings: number
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

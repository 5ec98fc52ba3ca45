import type { Clock } from '../broker/clock.ts'
import type { CommitObserver } from '../broker/engine-statistics.ts'
import type { Logger } from '../broker/logger.ts'
import type { TopicConfig } from '../broker/topic-config.ts'
import type { CleaningSettings } from './cleaning/cleaning-settings.ts'
import type { FileSystem } from './file-system.ts'
import type { GroupLimits } from './groups/group-coordinator-options.ts'
import type { RequestExpirations } from './producers/directory-requests.ts'
import type { StorageDrivers } from './storage-drivers.ts'

/** All the embedded engine needs from outside. Nothing here is optional but what is marked so: `app.ts` decides. */
export interface EmbeddedEngineOptions {
  /** Absolute paths, at least one, each once. Their order means nothing. */
  readonly logDirs: readonly string[]
  /** `node.id`: must be what the directories were made with. */
  readonly nodeId: number
  /** Where clients reach this node; asked at each `cluster()`, as the port may be known only after listening. */
  readonly advertisedListener: () => { readonly host: string; readonly port: number }
  readonly rack?: string
  /** A topic's settings from its overrides: the broker's values and Kafka's defaults are behind it. */
  readonly resolveTopicConfig: (overrides: ReadonlyMap<string, string>) => TopicConfig
  readonly limits: EmbeddedEngineLimits
  readonly journal: JournalSettings
  readonly space: SpaceSettings
  readonly groups: GroupLimits
  readonly producers: ProducerLimits
  /** `log.retention.check.interval.ms` */
  readonly retentionCheckIntervalMs: number
  readonly offsetsRetention: OffsetsRetentionSettings
  readonly clockJumps: ClockJumpSettings
  readonly cleaning: CleaningSettings
  readonly scrub: ScrubSettings
  /** `catalogue.rebuild.accept`: topics that were rebuilt from directories are set up as they should be. */
  readonly catalogueRebuildAccepted: boolean
  /** `num.recovery.threads.per.data.dir` */
  readonly recoveryThreadsPerDataDir: number
  readonly fileSystem: FileSystem
  /** Absent: this machine's. */
  readonly drivers?: StorageDrivers
  readonly clock: Clock
  /** Random bytes of the length asked for, fit for ids. */
  readonly random: (sizeBytes: number) => Uint8Array
  readonly logger: Logger
  readonly commitObserver?: CommitObserver
}

export interface EmbeddedEngineLimits {
  /** `topic.partitions.max` */
  readonly partitionsPerTopicMax: number
  /** `partitions.max`, over all topics but the internal ones. */
  readonly partitionsMax: number
  /** `produce.inflight.max.bytes`: batches accepted whose answer is still out. */
  readonly produceInflightBytesMax: number
  /** `request.admission.wait.ms`: an append waits so long for room before it is refused. */
  readonly admissionWaitMs: number
  /** `fetch.waiting.max`: reads that wait for records at the same time. */
  readonly waitingReadsMax: number
  /** `log.open.files.max`: segment files kept open. */
  readonly openFilesMax: number
}

/** How long publish requests are known again, and how many. */
export interface ProducerLimits extends RequestExpirations {
  /** `producer.state.max.bytes` */
  readonly maxBytes: number
  /** `producer.id.expiration.check.interval.ms` */
  readonly expirationCheckIntervalMs: number
}

export interface JournalSettings {
  /** `journal.file.bytes`: size of each of a directory's two journal files. */
  readonly fileBytes: number
  /** `journal.direct.min.bytes`: appends of at least so many bytes go to their segments directly. */
  readonly directMinBytes: number
  /** `journal.pending.max.bytes`: bytes not yet in their segments, a directory; rounds wait beyond it. */
  readonly pendingMaxBytes: number
  /** `journal.checkpoint.direct.bytes`: a checkpoint is taken after so many bytes of direct appends. */
  readonly checkpointDirectBytes: number
}

export interface OffsetsRetentionSettings {
  /** `offsets.retention.minutes` in milliseconds. */
  readonly retentionMs: number
  /** `offsets.retention.check.interval.ms` */
  readonly checkIntervalMs: number
}

export interface ClockJumpSettings {
  /** `clock.jump.max.ms`: a start so much later than the highest time seen is doubted. */
  readonly maxMs: number
  /** `clock.jump.accept`: the time at this start is right. */
  readonly accepted: boolean
}

export interface ScrubSettings {
  /** `log.scrub.bytes.per.second`; 0 = nothing is read again. */
  readonly bytesPerSecond: number
  /** `log.scrub.interval.ms`: from the beginning of one reading of everything to that of the next, at least. */
  readonly intervalMs: number
}

export interface SpaceSettings {
  /** `log.dir.free.min.bytes`: nothing is published while less is free; −1 = min(256 MiB, 5 % of the file system). */
  readonly freeMinBytes: number
  /** `log.dir.reserve.bytes`: held in a file of each directory, and given up when its disk is full. */
  readonly reserveBytes: number
}

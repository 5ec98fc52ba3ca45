import type { Clock } from '../../broker/clock.ts'
import type { CommitObserver } from '../../broker/engine-statistics.ts'
import type { Logger } from '../../broker/logger.ts'
import type { FileSystem } from '../file-system.ts'
import type { SegmentKey } from '../index/segment-index.ts'
import type { FactsMemory } from '../producers/directory-facts.ts'
import type { OpenFiles } from './open-files.ts'
import type { PartitionPlacement } from './partition-log.ts'

export interface DirectoryLogOptions {
  readonly fileSystem: FileSystem
  readonly clock: Clock
  readonly logger: Logger
  /** Absolute path of the log directory; it exists. */
  readonly path: string
  /** Shared by all directories of the process. */
  readonly files: OpenFiles
  /** Live partitions that the catalogue says are here; data of topics that are not among them is left alone. */
  readonly placements: readonly PartitionPlacement[]
  readonly limits: DirectoryLogLimits
  /** Random bytes of the length asked for, fit for ids. */
  readonly random: (sizeBytes: number) => Uint8Array
  /** Where requests are remembered that said who they are. */
  readonly factsMemory?: FactsMemory
  readonly indexer?: SegmentIndexer
  readonly observer?: CommitObserver
  readonly reserve?: ReservedSpace
  /** The directory's state, troubles or fences changed. Must not throw. */
  readonly onTrouble?: () => void
}

export interface DirectoryLogLimits {
  /** `journal.file.bytes`: size of each of the two journal files. */
  readonly journalFileBytes: number
  /** `journal.direct.min.bytes`: a request with at least so many bytes goes to its segments directly. */
  readonly directMinBytes: number
  /** `num.recovery.threads.per.data.dir` */
  readonly recoveryThreads: number
  /** Bytes of a round at most, unless one request alone has more. */
  readonly roundMaxBytes?: number
  /** Committed bytes not yet in their segments; rounds wait beyond it. */
  readonly pendingMaxBytes?: number
  /** Memory for the newest batches, those not yet in their segments included. */
  readonly tailCacheBytes?: number
  /** Direct bytes after which a checkpoint is taken. */
  readonly checkpointDirectBytes?: number
  /** The `producers` file is not written anew below this size. */
  readonly producersFileMinBytes?: number
  /** Free space below which nothing is published; else min(256 MiB, 5 % of the file system). */
  readonly lowWaterBytes?: number
}

/** Told of batches as they are laid into a segment's file, one behind the other; must not throw. */
export interface SegmentIndexer {
  batchesLaid(segment: SegmentKey, batches: readonly LaidBatch[]): void
  /** The segment came into the log whole, with so many bytes. */
  segmentAdded(segment: SegmentKey, path: string, fileBytes: number): void
  /** The segment, in this generation, is no part of the log any more. */
  segmentRemoved(segment: SegmentKey): void
}

export interface LaidBatch {
  readonly baseOffset: number
  readonly position: number
  readonly bytes: { readonly length: number }
  readonly maxTimestamp: number
}

/** Space held back for a full disk. */
export interface ReservedSpace {
  readonly sizeBytes: number
  /** Whether it is known to be on the disk. */
  readonly held: boolean
  /** Looks whether it is there already. */
  find(): Promise<boolean>
  release(): Promise<void>
  /** False where the disk has no room for it. */
  restore(): Promise<boolean>
}

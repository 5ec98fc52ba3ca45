import type { Clock } from '../../broker/clock.ts'
import type { SpaceSettings } from '../embedded-engine-options.ts'
import type { FileSystem } from '../file-system.ts'
import type { DirectoryLog } from '../log/directory-log.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { nextGeneration } from '../log/segment-change.ts'
import type { Segment } from '../log/segment.ts'
import { lowWaterBytesOf } from '../commit/space-guard.ts'
import type { CleaningLedger } from './cleaning-ledger.ts'
import type { CleanedGroup, CleaningJob } from './cleaning-messages.ts'
import { assessLog, type LogDirtiness } from './cleaning-policy.ts'
import type { DeletionClock } from './deletion-clock.ts'

/** Of a partition, the last offset of each producer (by the id in its batches) that may still publish. */
export type ProducersOf = (log: PartitionLog) => Promise<ReadonlyMap<bigint, number>>

/** Compaction stops well before publishing has to. */
const KEPT_FREE_FACTOR = 1.5

/** What a round needs to know beside its partition. */
export interface CleaningContext {
  readonly clock: Clock
  readonly deletionClock: Pick<DeletionClock, 'mayDeleteAfter'>
  readonly fileSystem: FileSystem
  readonly space: SpaceSettings
  readonly lastOffsetsOfProducers: ProducersOf
}

/** One round of compaction over one partition's log, as the main thread sees it. */
export class CleaningRound {
  readonly log: PartitionLog
  readonly dirtiness: LogDirtiness
  readonly #directory: DirectoryLog
  /** Those that are not replaced yet, oldest first. */
  #segments: readonly Segment[]

  constructor(directory: DirectoryLog, log: PartitionLog, dirtiness: LogDirtiness) {
    this.#directory = directory
    this.log = log
    this.dirtiness = dirtiness
    const { firstUncleanableOffset } = dirtiness
    this.#segments = log.segments.filter(({ baseOffset }) => baseOffset < firstUncleanableOffset)
  }

  static concerns(log: PartitionLog): boolean {
    return !log.dropped && !log.refusesAppends && log.offlineReason === undefined && isCompacted(log)
  }

  /** False once its topic is going, or is not compacted any more. */
  get isWanted(): boolean {
    return CleaningRound.concerns(this.log) && this.#directory.state === 'online'
  }

  async job({
    clock,
    deletionClock,
    fileSystem,
    space,
    lastOffsetsOfProducers,
  }: CleaningContext): Promise<CleaningJob> {
    await this.#directory.layPending(this.log)
    const { freeMinBytes } = space
    const { totalBytes } = await fileSystem.space(this.log.directory)
    const { deleteRetentionMs, segmentBytes } = this.log.config()
    return {
      kind: 'clean',
      directory: this.log.directory,
      segments: this.#segments.map(({ baseOffset, generation, path, sizeBytes }) => {
        return { baseOffset, generation, path, sizeBytes }
      }),
      firstDirtyOffset: this.dirtiness.firstDirtyOffset,
      firstUncleanableOffset: this.dirtiness.firstUncleanableOffset,
      segmentBytesMax: segmentBytes,
      nowMs: clock.now(),
      deleteRetentionMs,
      mayExpireTombstones: deletionClock.mayDeleteAfter(deleteRetentionMs),
      lastOffsetsOfProducers: await lastOffsetsOfProducers(this.log),
      keepFreeBytes: KEPT_FREE_FACTOR * (freeMinBytes >= 0 ? freeMinBytes : lowWaterBytesOf(totalBytes)),
    }
  }

  /** True once what was made of the group is what readers and a restart see. */
  async putInForce(group: CleanedGroup): Promise<boolean> {
    const removed = this.#segments.slice(0, group.segmentCount)
    this.#segments = this.#segments.slice(group.segmentCount)
    const { baseOffset, sizeBytes, maxTimestamp, firstTimestamp, cleanUntil } = group
    const added = {
      baseOffset,
      generation: nextGeneration(removed),
      sizeBytes,
      maxTimestamp,
      firstTimestamp,
      createdMs: removed.at(-1)?.createdMs ?? 0,
    }
    const change = { removed, added: [added], ...(cleanUntil !== undefined && { firstDirtyOffset: cleanUntil }) }
    // It is asked in any case: what does not come into force, it clears away.
    const isInForce = await this.#directory.applyChange(this.log, change)
    return isInForce && this.isWanted
  }
}

/** What the policy says of a partition's log at this moment. */
export function dirtinessOf(
  log: PartitionLog,
  ledger: Pick<CleaningLedger, 'damagedFrom'>,
  nowMs: number,
): LogDirtiness {
  const { segments, firstDirtyOffset, logStartOffset, highWatermark } = log
  const untouchableFrom = Math.min(fencedFrom(log), ledger.damagedFrom(log))
  const facts = { segments, firstDirtyOffset, logStartOffset, highWatermark, untouchableFrom }
  return assessLog(facts, log.config(), nowMs)
}

function isCompacted(log: PartitionLog): boolean {
  return log.config().cleanupPolicy.includes('compact')
}

/** Cleaning stops at a damaged range: what lies in it cannot be judged. */
function fencedFrom({ fenced, segments }: PartitionLog): number {
  const first = segments[0]?.baseOffset ?? 0
  return fenced.find(({ to }) => to > first)?.from ?? Infinity
}

import type { Clock, Timer } from '../../broker/clock.ts'
import type { Logger } from '../../broker/logger.ts'
import type { Checkpointer } from '../commit/checkpointer.ts'
import { ConcurrencyLimit } from '../../broker/concurrency-limit.ts'
import type { FileSystem } from '../file-system.ts'
import type { SegmentKey } from '../index/segment-index.ts'
import type { SegmentIndexer } from './directory-log-options.ts'
import type { DirectoryCondition } from './directory-condition.ts'
import type { OpenFiles } from './open-files.ts'
import type { PartitionLog } from './partition-log.ts'
import type { SegmentChange, StagedChange } from './segment-change.ts'
import { passingSegmentPath, segmentPath } from './segment-name.ts'
import { Segment } from './segment.ts'
import type { SegmentWriter } from './segment-writer.ts'
import { isDiskFull, isMissing, isOutOfDescriptors } from './storage-failure.ts'

export interface SegmentChangesOptions {
  readonly fileSystem: FileSystem
  readonly files: OpenFiles
  readonly clock: Clock
  readonly logger: Logger
  readonly condition: DirectoryCondition
  readonly checkpointer: Checkpointer
  readonly writer: SegmentWriter
  readonly indexer: SegmentIndexer | undefined
  /** 0 ≤ jitter < 1 */
  readonly jitter: () => number
}

/** Few, so that syncs and reads find free threads. */
const CONCURRENCY = 2
/** Together they cost the main thread less than one by one. */
const UNLINKED_AT_ONCE = 4

/**
 * Replaces and removes segments, each change wholly or not at all: prepared beside the log, in force with a durable
 * checkpoint, then the files follow. A crash at any step leaves what recovery brings to the one side or the other.
 */
export class SegmentChanges {
  readonly #options: SegmentChangesOptions
  readonly #limit = new ConcurrencyLimit(CONCURRENCY)
  /** Per partition: files of one change follow before those of the next. */
  readonly #following = new Map<PartitionLog, Promise<void>>()
  readonly #deletions = new Set<Timer>()
  #closed = false

  constructor(options: SegmentChangesOptions) {
    this.#options = options
  }

  /**
   * True: in force, durable, the files named as they stay. False: it did not fit (any more), or another change of the
   * partition is under way; then, as where it rejects, the log is as it was, and what was prepared is gone.
   */
  async apply(log: PartitionLog, change: SegmentChange): Promise<boolean> {
    const staged = this.#stagedOf(log, change)
    try {
      await this.#options.writer.flushPartition(log)
      await this.#nameSwap(log, staged)
    } catch (error) {
      if (log.dropped) return false
      await this.#discard(log, staged)
      throw this.#told(log, 'naming replaced segments failed', error)
    }
    if (this.#closed || !log.stage(staged)) {
      await this.#discard(log, staged)
      return false
    }
    const failure = await this.#options.checkpointer.next().then(
      () => undefined,
      (error: unknown) => ({ error }),
    )
    if (!staged.applied) {
      // Where the directory is poisoned, the checkpoint may be there all the same: the next start will know.
      if (this.#options.condition.state === 'online') await this.#discard(log, staged)
      if (failure) throw failure.error
      return false
    }
    await this.#follow(log, staged)
    return true
  }

  #stagedOf({ directory }: PartitionLog, { removed, added, firstDirtyOffset }: SegmentChange): StagedChange {
    const { jitter } = this.#options
    const segments = added.map((facts) => {
      const segment = new Segment(directory, facts, jitter())
      segment.path = passingSegmentPath(directory, facts, 'swap')
      return segment
    })
    return { removed, added: segments, firstDirtyOffset, applied: false }
  }

  async #nameSwap(log: PartitionLog, { added }: StagedChange): Promise<void> {
    const { fileSystem } = this.#options
    if (added.length === 0) return
    for (const segment of added) {
      await fileSystem.rename(passingSegmentPath(log.directory, segment, 'cleaned'), segment.path)
    }
    await fileSystem.syncDirectory(log.directory)
  }

  /** What is left behind all the same goes at the next start. */
  async #discard(log: PartitionLog, { added }: StagedChange): Promise<void> {
    if (log.dropped) return
    for (const segment of added) {
      for (const path of [segment.path, passingSegmentPath(log.directory, segment, 'cleaned')]) await this.#unlink(path)
    }
  }

  async #unlink(path: string): Promise<void> {
    const { fileSystem, logger } = this.#options
    await fileSystem.unlink(path).catch((error: unknown) => {
      if (!isMissing(error)) logger.warn({ err: error, path }, 'it will be removed at the next start')
    })
  }

  async #follow(log: PartitionLog, staged: StagedChange): Promise<void> {
    const before = this.#following.get(log) ?? Promise.resolve()
    const following = before.then(() => this.#limit.run(() => this.#moveFiles(log, staged)))
    this.#following.set(log, following)
    await following
    if (this.#following.get(log) === following) this.#following.delete(log)
  }

  /** Never rejects: the change is in force, and a start does what is missing here. */
  async #moveFiles(log: PartitionLog, { removed, added }: StagedChange): Promise<void> {
    const { fileSystem, files, indexer } = this.#options
    const deleted: string[] = []
    try {
      for (const segment of removed) {
        if (log.dropped) return
        const path = passingSegmentPath(log.directory, segment, 'deleted')
        await fileSystem.rename(segment.path, path)
        void files.close(segment.path)
        deleted.push(path)
        indexer?.segmentRemoved(keyOf(log, segment))
      }
      for (const segment of added) {
        const path = segmentPath(log.directory, segment.baseOffset)
        await files.rename(segment.path, path, () => (segment.path = path))
        indexer?.segmentAdded(keyOf(log, segment), path, segment.fileBytes)
      }
      await fileSystem.syncDirectory(log.directory)
    } catch (error) {
      if (!log.dropped) this.#told(log, "renaming segments' files failed", error)
    }
    this.#deleteLater(deleted, log.config().fileDeleteDelayMs)
  }

  #deleteLater(paths: readonly string[], delayMs: number): void {
    if (paths.length === 0 || this.#closed) return
    const timer = this.#options.clock.setTimer(delayMs, () => {
      this.#deletions.delete(timer)
      void this.#limit.run(async () => {
        for (let at = 0; at < paths.length && !this.#closed; at += UNLINKED_AT_ONCE) {
          await Promise.all(paths.slice(at, at + UNLINKED_AT_ONCE).map((path) => this.#unlink(path)))
        }
      })
    })
    this.#deletions.add(timer)
  }

  /** A full disk and a lack of descriptors pass; any other failure takes the directory offline. */
  #told(log: PartitionLog, what: string, error: unknown): unknown {
    const { condition, logger } = this.#options
    if (isDiskFull(error) || isOutOfDescriptors(error) || condition.state !== 'online') {
      logger.warn({ err: error, topic: log.topic, partition: log.partition }, what)
    } else condition.takeOffline(what, error)
    return error
  }

  /** Resolves when no file of the partition is being moved any more. */
  async settled(log: PartitionLog): Promise<void> {
    await this.#following.get(log)
  }

  /** Resolves when no file is moved any more. Files that wait for their deletion go at the next start. */
  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#deletions) timer.cancel()
    this.#deletions.clear()
    await Promise.all(this.#following.values())
  }
}

function keyOf({ topicId, partition }: PartitionLog, { baseOffset, generation }: Segment): SegmentKey {
  return { topicId, partition, segmentBaseOffset: baseOffset, generation }
}

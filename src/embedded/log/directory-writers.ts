import { BrokerError } from '../../broker/broker-error.ts'
import type { CheckpointPartition } from '../commit/checkpoint-section.ts'
import { Checkpointer } from '../commit/checkpointer.ts'
import { Committer } from '../commit/committer.ts'
import { DirectAppends } from '../commit/direct-append.ts'
import type { Section } from '../commit/frame.ts'
import type { Journal } from '../commit/journal.ts'
import { createSegments } from '../commit/round-segments.ts'
import { SpaceGuard } from '../commit/space-guard.ts'
import type { CapturedFacts, DirectoryFacts } from '../producers/directory-facts.ts'
import type { DirectoryCondition } from './directory-condition.ts'
import type { DirectoryLogLimits, DirectoryLogOptions } from './directory-log-options.ts'
import type { PartitionLog } from './partition-log.ts'
import { emptySegmentFacts, Segment } from './segment.ts'
import { SegmentChanges } from './segment-changes.ts'
import { SegmentWriter } from './segment-writer.ts'
import { isDiskFull, isOutOfDescriptors } from './storage-failure.ts'
import { TailCache } from './tail-cache.ts'

const MIB = 1024 * 1024
const ROUND_MAX_BYTES = 4 * MIB
const PENDING_MAX_BYTES = 48 * MIB
const TAIL_CACHE_BYTES = 16 * MIB
const CHECKPOINT_DIRECT_BYTES = 256 * MIB

export interface WrittenPartitions {
  readonly partitions: () => Iterable<PartitionLog>
  readonly offline: () => Iterable<CheckpointPartition>
  readonly facts: DirectoryFacts
  /** 0 ≤ jitter < 1 */
  readonly jitter: () => number
}

/** What writes to one recovered directory, wired together. */
export class DirectoryWriters {
  readonly journal: Journal
  readonly space: SpaceGuard
  readonly segments: SegmentWriter
  readonly committer: Committer
  readonly checkpointer: Checkpointer
  readonly changes: SegmentChanges
  readonly #condition: DirectoryCondition
  readonly #options: DirectoryLogOptions
  readonly #jitter: () => number
  readonly #checkpointDirectBytes: number
  #directBytes = 0

  constructor(
    options: DirectoryLogOptions,
    condition: DirectoryCondition,
    journal: Journal,
    written: WrittenPartitions,
  ) {
    const { fileSystem, clock, files, limits, path, reserve, indexer, logger, observer } = options
    const { jitter } = written
    this.journal = journal
    this.#options = options
    this.#jitter = jitter
    this.#condition = condition
    this.#checkpointDirectBytes = limits.checkpointDirectBytes ?? CHECKPOINT_DIRECT_BYTES
    this.space = new SpaceGuard({ fileSystem, clock, path, lowWaterBytes: limits.lowWaterBytes, reserve })
    const { space } = this
    const tailCache = new TailCache(limits.tailCacheBytes ?? TAIL_CACHE_BYTES)
    this.segments = new SegmentWriter({ files, clock, condition, space, indexer, onLaid: () => tailCache.evict() })
    const parts = { fileSystem, files, condition, space, writer: this.segments }
    this.committer = new Committer({
      ...parts,
      ...roundLimits(limits),
      clock,
      journal,
      direct: new DirectAppends({ ...parts, onSettled: () => this.committer.kick() }),
      tailCache,
      observer,
      jitter,
      wantCheckpoint: () => this.checkpointer.want(),
      onCommitted: (directBytes) => this.#committed(directBytes),
      onFacts: (facts) => written.facts.committed(facts),
    })
    const { committer, segments: writer } = this
    const captureFacts = (): CapturedFacts => this.#captureFacts(written.facts)
    this.checkpointer = new Checkpointer({ journal, committer, writer, ...written, captureFacts })
    const { checkpointer } = this
    this.changes = new SegmentChanges({ ...parts, clock, logger, checkpointer, indexer, jitter })
    condition.onFailure(() => this.committer.kick())
    journal.onFailure((error) => condition.poison('extending the journal failed', error))
    for (const log of written.partitions()) this.#takeOver(log, tailCache)
    this.segments.schedule()
  }

  /** Recovery left committed batches in memory that the disk had no room for. */
  #takeOver(log: PartitionLog, tailCache: TailCache): void {
    if (log.pendingBytes === 0) return
    tailCache.added(log, log.tail.length, log.pendingBytes)
    this.segments.committed(log, log.pendingBytes)
  }

  #captureFacts(facts: DirectoryFacts): CapturedFacts {
    const captured = facts.capture()
    return { store: () => captured.store().catch((error: unknown) => this.#storeAgain(facts, error)) }
  }

  /**
   * On a full disk in what was held back: a checkpoint is what frees space. Any other write that failed cannot be tried
   * again: what was not synced may be gone all the same.
   */
  async #storeAgain(facts: DirectoryFacts, error: unknown): Promise<Section | undefined> {
    if (isDiskFull(error) && (await this.space.release())) return this.#captureFacts(facts).store()
    if (!isDiskFull(error) && !isOutOfDescriptors(error)) {
      this.#condition.poison('writing the producers file failed', error)
    }
    throw error
  }

  #committed(directBytes: number): void {
    this.#directBytes += directBytes
    if (this.#directBytes < this.#checkpointDirectBytes) return
    this.#directBytes = 0
    this.checkpointer.want()
  }

  /**
   * Begins a new segment though no append asks for it. False: there is nothing in the active one, or the topic is being
   * deleted.
   */
  rollActive(log: PartitionLog): Promise<boolean> {
    const { clock } = this.#options
    return this.committer.alone(log, async () => {
      if (this.#condition.state !== 'online') throw this.#condition.error('no')
      if (log.refusesAppends || log.activeSegment.sizeBytes === 0) return false
      const facts = emptySegmentFacts(log.highWatermark, clock.now())
      const segment = new Segment(log.directory, facts, this.#jitter())
      await createSegments([segment.path], { ...this.#options, condition: this.#condition, space: this.space })
      log.addSegment(segment)
      return true
    })
  }

  /** Resolves when nothing of the partitions is written any more, nor will be. */
  async forget(logs: ReadonlySet<PartitionLog>): Promise<void> {
    const pending = new Map([...logs].map((log) => [log, 0]))
    for (const log of logs) log.refuseAppends()
    await this.committer.quiesce(logs, () => {
      return new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', 'the topic was deleted', { stored: 'no' })
    })
    for (const log of logs) {
      pending.set(log, log.pendingBytes)
      log.drop()
    }
    for (const [log, bytes] of pending) await this.segments.forget(log, bytes)
    for (const log of logs) await this.changes.settled(log)
  }

  /** Takes a clean checkpoint, if the directory is well; then lets go of everything. */
  async close(): Promise<void> {
    await this.committer.drained()
    try {
      if (this.#condition.state === 'online') await this.checkpointer.take('clean')
    } catch {
      // Told through the directory's condition; the next start recovers.
    }
    await this.changes.close()
    await this.segments.close()
    await this.journal.close()
  }
}

function roundLimits(limits: DirectoryLogLimits) {
  const { directMinBytes, roundMaxBytes = ROUND_MAX_BYTES, pendingMaxBytes = PENDING_MAX_BYTES } = limits
  return { directMinBytes, roundMaxBytes, pendingMaxBytes }
}

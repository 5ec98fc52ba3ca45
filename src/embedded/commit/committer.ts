import assert from 'node:assert/strict'
import type { BrokerError } from '../../broker/broker-error.ts'
import type { Clock } from '../../broker/clock.ts'
import type { CommitObserver } from '../../broker/engine-statistics.ts'
import type { Logger } from '../../broker/logger.ts'
import type { FileSystem } from '../file-system.ts'
import type { DirectoryCondition } from '../log/directory-condition.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { SegmentWriter } from '../log/segment-writer.ts'
import { descriptorShortage, isDiskFull, isOutOfDescriptors } from '../log/storage-failure.ts'
import type { TailCache } from '../log/tail-cache.ts'
import { batchesSection } from './batches-section.ts'
import type { DirectAppends } from './direct-append.ts'
import type { FrameKind, Section } from './frame.ts'
import type { Journal } from './journal.ts'
import { ROUND_OVERHEAD_BYTES, type QueuedAppend } from './queued-append.ts'
import { RequestQueue } from './request-queue.ts'
import { createRoundSegments } from './round-segments.ts'
import { formRound, inlineEntries, type Round } from './round.ts'
import type { SpaceGuard } from './space-guard.ts'

export interface CommitterOptions {
  readonly fileSystem: FileSystem
  readonly clock: Clock
  readonly logger: Logger
  readonly journal: Journal
  readonly writer: SegmentWriter
  readonly direct: DirectAppends
  readonly tailCache: TailCache
  readonly space: SpaceGuard
  readonly condition: DirectoryCondition
  readonly observer: CommitObserver | undefined
  /** 0 ≤ jitter < 1 */
  readonly jitter: () => number
  readonly directMinBytes: number
  readonly roundMaxBytes: number
  readonly pendingMaxBytes: number
  /** The journal needs a checkpoint to go on, or will soon; a call while one is being taken has no effect. */
  readonly wantCheckpoint: () => void
  /** A round was committed; so many of its bytes went past the journal. */
  readonly onCommitted: (directBytes: number) => void
}

/** Retried so often while the disk is full, so that health heals without a request. */
const FULL_RECHECK_MS = 1000

interface WaitingFrame {
  readonly kind: FrameKind
  readonly section: Section
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * The one writer of a directory's journal. What waits becomes a round: one frame, one sync, then in one synchronous
 * step the high watermarks move; then requests are answered and readers woken; then the next round.
 */
export class Committer {
  readonly #options: CommitterOptions
  readonly #queue: RequestQueue
  #waitingFrame: WaitingFrame | undefined
  #round: Round | undefined
  #running = false
  #wake: (() => void) | undefined
  #idleWaiters: (() => void)[] = []
  #committedRound: number
  #rounds = 0
  #appendedBytes = 0
  #directBytes = 0
  #rechecking = false
  /** Work came up since the loop last looked. */
  #kicked = false

  constructor(options: CommitterOptions) {
    this.#options = options
    this.#committedRound = options.journal.lastRound
    const { roundFrameMaxBytes } = options.journal
    this.#queue = new RequestQueue({
      directMinBytes: options.directMinBytes,
      frameMaxBytes: Math.min(options.roundMaxBytes, roundFrameMaxBytes - ROUND_OVERHEAD_BYTES),
    })
  }

  /** The newest round whose batches are in the partitions' memory: what a checkpoint taken now covers. */
  get committedRound(): number {
    return this.#committedRound
  }

  get rounds(): number {
    return this.#rounds
  }

  get appendedBytes(): number {
    return this.#appendedBytes
  }

  get directBytes(): number {
    return this.#directBytes
  }

  /** Accepted, not yet durable. */
  get waitingBytes(): number {
    return this.#queue.bytes + (this.#round?.bytes ?? 0) + this.#options.direct.bytes
  }

  append(request: QueuedAppend): void {
    this.#queue.push(request)
    this.kick()
  }

  /** Writes a frame of its own between two rounds; resolves when it is durable. */
  appendFrame(kind: FrameKind, section: Section): Promise<void> {
    assert.equal(this.#waitingFrame, undefined)
    return new Promise((resolve, reject) => {
      this.#waitingFrame = { kind, section, resolve, reject }
      this.kick()
    })
  }

  /** Something changed that work may have waited for. */
  kick(): void {
    this.#wake?.()
    this.#kicked = true
    if (this.#running) return
    this.#running = true
    setImmediate(() => void this.#run())
  }

  /** Refuses what waits for these partitions; resolves when no round and no direct append touches them. */
  async quiesce(logs: ReadonlySet<PartitionLog>, error: () => BrokerError): Promise<void> {
    for (const request of this.#queue.remove((queued) => queued.parts.some(({ log }) => logs.has(log)))) {
      request.fail(error())
    }
    while ([...logs].some((log) => this.#round?.logs.has(log) || this.#options.direct.holds(log)))
      await this.#nextStep()
  }

  /** Resolves when nothing waits and nothing is under way. */
  async drained(): Promise<void> {
    while (!this.#queue.isEmpty || this.#round || this.#options.direct.busy || this.#running) await this.#nextStep()
  }

  #nextStep(): Promise<void> {
    return new Promise((resolve) => this.#idleWaiters.push(resolve))
  }

  async #run(): Promise<void> {
    try {
      do {
        this.#kicked = false
        while (await this.#step()) this.#stepped()
      } while (this.#kicked)
    } catch (error) {
      this.#options.condition.poison('the commit loop failed', error)
      this.#refuseAll()
    }
    this.#running = false
    this.#stepped()
  }

  #stepped(): void {
    const waiters = this.#idleWaiters
    this.#idleWaiters = []
    for (const wake of waiters) wake()
  }

  /** One frame at most. False: there is nothing to do until `kick`. */
  async #step(): Promise<boolean> {
    if (this.#options.condition.state !== 'online') return this.#refuseAll()
    if (this.#waitingFrame) return this.#writeWaitingFrame(this.#waitingFrame)
    const { direct } = this.#options
    if (this.#queue.isEmpty && !direct.ready) return false
    if (!direct.ready && !(await this.#isAdmitted())) return true
    const { inline, large } = this.#queue.take((log) => direct.holds(log), direct.busy)
    if (large.length > 0) direct.start(large, this.#roundOptions())
    if (inline.length === 0 && !direct.ready) return false
    return this.#commit(inline)
  }

  /** Refuses what waits while there is no space for it; holds it back while too much is still in memory. */
  async #isAdmitted(): Promise<boolean> {
    const { writer, space, condition } = this.#options
    if (writer.pendingBytes > this.#options.pendingMaxBytes && !writer.stuck) await writer.flush().catch(() => {})
    if (condition.state !== 'online') return false
    if (!writer.stuck) {
      const outstanding = writer.pendingBytes + this.#queue.bytes
      condition.setFull(await space.refusal(outstanding).catch(() => 'its free space cannot be read'))
    }
    if (condition.full === undefined) return true
    this.#refuseQueued()
    this.#recheckSoon()
    return false
  }

  #recheckSoon(): void {
    if (this.#rechecking) return
    this.#rechecking = true
    this.#options.clock.setTimer(FULL_RECHECK_MS, () => {
      this.#rechecking = false
      void this.#recheck()
    })
  }

  async #recheck(): Promise<void> {
    const { writer, space, condition } = this.#options
    if (condition.state !== 'online') return
    if (!writer.stuck) condition.setFull(await space.refusal(writer.pendingBytes).catch(() => condition.full))
    if (condition.full !== undefined) this.#recheckSoon()
  }

  #roundOptions(): { nowMs: number; jitter: () => number } {
    return { nowMs: this.#options.clock.now(), jitter: this.#options.jitter }
  }

  async #commit(requests: readonly QueuedAppend[]): Promise<boolean> {
    const { direct, journal } = this.#options
    const ready = direct.ready
    const entryBytes = ready ? ready.entries.length * ENTRY_BOUND_BYTES : 0
    const frameBytes = requests.reduce((sum, request) => sum + request.frameBytes, ROUND_OVERHEAD_BYTES + entryBytes)
    if (!journal.makeRoom(frameBytes)) {
      this.#queue.putBack(requests)
      return this.#waitForCheckpoint()
    }
    if (journal.needsCheckpoint) this.#options.wantCheckpoint()
    try {
      this.#round = formRound(requests, { ...this.#roundOptions(), merge: true })
      await this.#prepare(this.#round, frameBytes)
    } catch (error) {
      this.#round = undefined
      this.#notPrepared(requests, error)
      return true
    }
    await this.#write(this.#round, ready)
    this.#round = undefined
    return true
  }

  #notPrepared(requests: readonly QueuedAppend[], error: unknown): void {
    const { condition } = this.#options
    const full = isDiskFull(error)
    if (full) {
      condition.setFull('the disk is full')
      this.#recheckSoon()
    }
    const passing = isOutOfDescriptors(error) ? descriptorShortage(condition.path) : undefined
    const bug = !full && condition.state === 'online' && error instanceof Error
    for (const request of requests) request.fail(passing ?? (bug ? error : condition.error('no')))
  }

  /** No room can be made in the journal now. */
  checkpointFailed(): void {
    if (this.#wake) {
      this.#options.condition.setFull('no checkpoint could be taken, so the journal is full')
      this.#recheckSoon()
      this.#refuseQueued()
    }
    this.kick()
  }

  /** What may fail while nothing is promised. */
  async #prepare(round: Round, frameBytes: number): Promise<void> {
    await createRoundSegments(round, this.#options)
    try {
      await this.#options.journal.allocate(frameBytes)
    } catch (error) {
      if (!isDiskFull(error)) this.#options.condition.poison('extending the journal failed', error)
      throw error
    }
  }

  async #write(round: Round, named: DirectAppends['ready']): Promise<void> {
    const { journal, condition, direct } = this.#options
    const requests = named ? [...named.group.requests, ...round.requests] : round.requests
    const entries = named ? [...named.entries, ...inlineEntries(round)] : inlineEntries(round)
    for (const run of round.runs) run.log.logEndOffset = run.lastOffset + 1
    // Only the frame makes bytes part of the log, those of large requests too: without it a restart cuts them off.
    const early = requests.filter((request) => request.acks === '1')
    const written = (): void => early.forEach((request) => request.succeed())
    try {
      await journal.append('round', [batchesSection(entries)], early.length > 0 ? written : undefined)
    } catch (error) {
      condition.poison('writing the journal failed', error)
      for (const request of requests) request.fail(condition.error('unknown'))
      if (named) direct.finish()
      return
    }
    this.#committed(round, named?.group)
    for (const request of requests) request.succeed()
    this.#observe(requests)
    this.#advance(round)
    if (named) this.#advance(named.group)
    this.#options.writer.schedule()
  }

  /** The frame is durable: readers may see the batches. Synchronous, so that nobody sees half of it. */
  #committed(round: Round, named: Round | undefined): void {
    this.#committedRound = this.#options.journal.lastRound
    this.#rounds++
    for (const run of round.runs) {
      this.#apply(run)
      this.#options.writer.committed(run.log, run.lengthBytes)
    }
    for (const run of named?.runs ?? []) {
      this.#apply(run)
      run.log.laid(run.batches)
      this.#options.writer.index(run.log, run.segment, run.batches)
    }
    const directBytes = named?.bytes ?? 0
    this.#appendedBytes += round.bytes + directBytes
    this.#directBytes += directBytes
    if (named) this.#options.direct.finish()
    this.#options.tailCache.evict()
    this.#options.onCommitted(directBytes)
  }

  #apply(run: Round['runs'][number]): void {
    if (run.isNewSegment) run.log.addSegment(run.segment)
    for (const batch of run.batches) {
      run.log.commitBatch(batch)
      this.#options.tailCache.added(run.log, batch.bytes.length)
    }
  }

  #advance(round: Round): void {
    for (const log of round.logs) log.advance()
  }

  #observe(requests: readonly QueuedAppend[]): void {
    const { observer, clock } = this.#options
    if (!observer) return
    const now = clock.monotonic()
    const oldest = requests.reduce((least, request) => Math.min(least, request.arrivedMs), now)
    observer.committed(
      now - oldest,
      requests.length,
      requests.reduce((sum, request) => sum + request.bytes, 0),
    )
  }

  async #writeWaitingFrame(frame: WaitingFrame): Promise<boolean> {
    const { journal, condition } = this.#options
    this.#waitingFrame = undefined
    const bytes = frame.section.content.reduce((sum, part) => sum + part.length, ROUND_OVERHEAD_BYTES)
    try {
      journal.makeRoomIfFree(bytes)
      await journal.allocate(bytes)
    } catch (error) {
      if (!isDiskFull(error)) condition.poison('extending the journal failed', error)
      frame.reject(error)
      return true
    }
    try {
      await journal.append(frame.kind, [frame.section])
      this.#committedRound = journal.lastRound
      frame.resolve()
    } catch (error) {
      condition.poison('writing the journal failed', error)
      frame.reject(error)
    }
    return true
  }

  /** Both journal files hold rounds that no checkpoint covers: the next round waits for one. */
  async #waitForCheckpoint(): Promise<boolean> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      this.#options.wantCheckpoint()
    })
    this.#wake = undefined
    return true
  }

  #refuseQueued(): void {
    for (const request of this.#queue.remove(() => true)) request.fail(this.#options.condition.error('no'))
  }

  #refuseAll(): false {
    this.#refuseQueued()
    const { condition, direct } = this.#options
    const ready = direct.ready
    if (ready) {
      for (const request of ready.group.requests) request.fail(condition.error('unknown'))
      direct.finish()
    }
    this.#waitingFrame?.reject(condition.error('no'))
    this.#waitingFrame = undefined
    return false
  }
}

const ENTRY_BOUND_BYTES = 64

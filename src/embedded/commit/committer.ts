import assert from 'node:assert/strict'
import type { BrokerError } from '../../broker/broker-error.ts'
import type { FileSystem } from '../file-system.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { descriptorShortage, isDiskFull, isOutOfDescriptors } from '../log/storage-failure.ts'
import { Admission, type AdmissionOptions } from './admission.ts'
import { ExclusivePartitions } from './exclusive-partitions.ts'
import type { FrameKind, Section } from './frame.ts'
import { FrameWriter, type FrameWriterOptions, namedBytes } from './frame-writer.ts'
import { ROUND_OVERHEAD_BYTES, type QueuedAppend } from './queued-append.ts'
import { RequestQueue, type TakenRequests } from './request-queue.ts'
import { createRoundSegments } from './round-segments.ts'
import { formRound, type Round } from './round.ts'

export interface CommitterOptions extends AdmissionOptions, FrameWriterOptions {
  readonly fileSystem: FileSystem
  /** 0 ≤ jitter < 1 */
  readonly jitter: () => number
  readonly directMinBytes: number
  readonly roundMaxBytes: number
  /** The journal needs a checkpoint to go on, or will soon; a call while one is being taken has no effect. */
  readonly wantCheckpoint: () => void
}

interface WaitingFrame {
  readonly kind: FrameKind
  readonly sections: readonly Section[]
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
  readonly #admission: Admission
  readonly #frames: FrameWriter
  #waitingFrame: WaitingFrame | undefined
  /** Taken from the queue in this step. */
  #taken: TakenRequests | undefined
  #round: Round | undefined
  #running = false
  #wake: (() => void) | undefined
  #idleWaiters: (() => void)[] = []
  readonly #exclusive = new ExclusivePartitions()
  /** Work came up since the loop last looked. */
  #kicked = false

  constructor(options: CommitterOptions) {
    this.#options = options
    this.#admission = new Admission(options)
    this.#frames = new FrameWriter(options)
    const { roundFrameMaxBytes } = options.journal
    this.#queue = new RequestQueue({
      directMinBytes: options.directMinBytes,
      frameMaxBytes: Math.min(options.roundMaxBytes, roundFrameMaxBytes - ROUND_OVERHEAD_BYTES),
    })
  }

  /** What was committed so far: for statistics, and for what a checkpoint taken now covers. */
  get committed(): Pick<FrameWriter, 'committedRound' | 'rounds' | 'appendedBytes' | 'directBytes'> {
    return this.#frames
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
  appendFrame(kind: FrameKind, sections: readonly Section[]): Promise<void> {
    assert.equal(this.#waitingFrame, undefined)
    return new Promise((resolve, reject) => {
      this.#waitingFrame = { kind, sections, resolve, reject }
      this.kick()
    })
  }

  /** Runs the work while no round and no direct append touches the partition. Requests to it wait, others go on. */
  async alone<T>(log: PartitionLog, work: () => Promise<T>): Promise<T> {
    const granted = this.#exclusive.ask(log)
    this.kick()
    await granted
    try {
      return await work()
    } finally {
      this.#exclusive.giveBack(log)
      this.kick()
    }
  }

  #isHeld(log: PartitionLog): boolean {
    return this.#options.direct.holds(log) || this.#exclusive.holds(log)
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
    while ([...logs].some((log) => this.#round?.logs.has(log) || this.#isHeld(log))) await this.#nextStep()
  }

  /** Resolves when nothing waits and nothing is under way. */
  async drained(): Promise<void> {
    const isBusy = (): boolean =>
      !this.#queue.isEmpty ||
      this.#round !== undefined ||
      this.#options.direct.busy ||
      !this.#exclusive.isEmpty ||
      this.#running
    while (isBusy()) await this.#nextStep()
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
      this.#failed(error)
    }
    this.#running = false
    this.#stepped()
  }

  /** An error that nobody expected: nothing more is committed, and nobody is left waiting. */
  #failed(error: unknown): void {
    const { condition } = this.#options
    condition.poison('the commit loop failed', error)
    for (const request of [...(this.#taken?.inline ?? []), ...(this.#taken?.large ?? [])]) {
      request.fail(condition.error('unknown'))
    }
    this.#taken = undefined
    this.#round = undefined
    this.#wake = undefined
    this.#refuseAll()
  }

  #stepped(): void {
    this.#taken = undefined
    if (this.#idleWaiters.length === 0) return
    const waiters = this.#idleWaiters
    this.#idleWaiters = []
    for (const wake of waiters) wake()
  }

  /** One frame at most. False: there is nothing to do until `kick`. */
  async #step(): Promise<boolean> {
    this.#exclusive.grant((log) => this.#options.direct.holds(log))
    if (this.#options.condition.state !== 'online') return this.#refuseAll()
    if (this.#waitingFrame) return this.#writeWaitingFrame(this.#waitingFrame)
    const { direct } = this.#options
    if (this.#queue.isEmpty && !direct.ready) return false
    if (!direct.ready && !this.#admission.admits(this.#queue.bytes) && !(await this.#decideAdmission())) return true
    this.#taken = this.#queue.take((log) => this.#isHeld(log), direct.busy, direct.busy || this.#exclusive.anyHeld)
    const { inline, large } = this.#taken
    if (large.length > 0) direct.start(large, this.#roundOptions())
    if (inline.length === 0 && !direct.ready) return false
    return this.#commit(inline)
  }

  async #decideAdmission(): Promise<boolean> {
    const admitted = await this.#admission.decide(() => this.#queue.bytes)
    if (admitted || this.#options.condition.state !== 'online') return admitted
    this.#refuseQueued((request) => !request.isInternal)
    if (this.#queue.isEmpty || this.#admission.admitsInternal(this.#queue.bytes)) return !this.#queue.isEmpty
    this.#refuseQueued()
    return false
  }

  #roundOptions(): { nowMs: number; jitter: () => number } {
    return { nowMs: this.#options.clock.now(), jitter: this.#options.jitter }
  }

  async #commit(taken: readonly QueuedAppend[]): Promise<boolean> {
    let requests = taken
    const { direct, journal } = this.#options
    const ready = direct.ready
    let frameBytes = ROUND_OVERHEAD_BYTES + (ready ? namedBytes(ready) : 0)
    const withRequests = requests.reduce((sum, request) => sum + request.frameBytes, frameBytes)
    // What a group's frame has to say may leave no room for others in a small journal: they take the next one.
    if (ready && withRequests > journal.roundFrameMaxBytes) {
      this.#queue.putBack(requests)
      requests = []
    } else frameBytes = withRequests
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
    await this.#frames.writeRound(this.#round, ready)
    this.#round = undefined
    return true
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

  #notPrepared(requests: readonly QueuedAppend[], error: unknown): void {
    const { condition } = this.#options
    const full = isDiskFull(error)
    if (full) {
      condition.setFull('the disk is full')
      this.#admission.recheckSoon()
    }
    const passing = isOutOfDescriptors(error) ? descriptorShortage(condition.path) : undefined
    const bug = !full && condition.state === 'online' && error instanceof Error
    for (const request of requests) request.fail(passing ?? (bug ? error : condition.error('no')))
  }

  /** Sees to it that the directory's condition says whether the disk is full, without a request that meets it. */
  lookAtSpace(): Promise<void> {
    return this.#admission.look()
  }

  /** No room can be made in the journal now. */
  checkpointFailed(): void {
    if (this.#wake) {
      this.#options.condition.setFull('no checkpoint could be taken, so the journal is full')
      this.#admission.recheckSoon()
      this.#refuseQueued()
    }
    this.kick()
  }

  async #writeWaitingFrame(frame: WaitingFrame): Promise<boolean> {
    this.#waitingFrame = undefined
    await this.#frames.writeFrame(frame.kind, frame.sections).then(frame.resolve, frame.reject)
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

  #refuseQueued(concerned: (request: QueuedAppend) => boolean = () => true): void {
    for (const request of this.#queue.remove(concerned)) request.fail(this.#options.condition.error('no'))
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

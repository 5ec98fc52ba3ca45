import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '../../broker/clock.ts'
import type { Logger } from '../../broker/logger.ts'
import { errorMessage } from '../startup-error.ts'
import type { IndexedSegment, IndexReply, IndexRequest, IndexWorkerData } from './index-messages.ts'
import type { IndexQueue } from './index-queue.ts'

export interface IndexThreadOptions {
  readonly path: string
  readonly queue: IndexQueue
  readonly clock: Clock
  readonly logger: Logger
  /** The database can be read; not `complete` = it is new and empty, for the reason given. */
  readonly onOpened: (complete: boolean, reason: string) => void
  /** The request is through; `damaged` = the database was found not to be what was written. */
  readonly onDone: (request: IndexRequest, damage: string | undefined) => void
  readonly onRebuilt: () => void
}

/** Entries wait so long for others: a request costs both threads far more than the rows in it. */
const LINGER_MS = 250
const RESTART_MIN_MS = 100
const RESTART_MAX_MS = 30_000

/**
 * The main thread's end of the worker that writes index.db: hands it one request of the queue at a time. A worker that
 * dies is started again, ever later; what it had in hand is lost, which costs walks only.
 */
export class IndexThread {
  readonly #options: IndexThreadOptions
  readonly #queue: IndexQueue
  #worker: Worker | undefined
  #exited: Promise<void> = Promise.resolve()
  #ready = false
  #inHand: IndexRequest | undefined
  #restartMs = RESTART_MIN_MS
  #restart: Timer | undefined
  #linger: Timer | undefined
  #closing = false
  #pumpDue = false
  #idleWaiters: (() => void)[] = []

  constructor(options: IndexThreadOptions) {
    this.#options = options
    this.#queue = options.queue
    this.#start()
  }

  /** Entries were queued: they are sent when there are many, or after a while. */
  entriesAdded(): void {
    if (this.#queue.hasSealed) this.#pumpSoon()
    else this.#linger ??= this.#options.clock.setTimer(LINGER_MS, () => this.wake())
  }

  /** Sends what is queued. What is added until the next turn of the event loop goes along. */
  wake(): void {
    this.#endLinger()
    this.#queue.seal()
    this.#pumpSoon()
  }

  #endLinger(): void {
    this.#linger?.cancel()
    this.#linger = undefined
  }

  #pumpSoon(): void {
    if (this.#pumpDue) return
    this.#pumpDue = true
    setImmediate(() => {
      this.#pumpDue = false
      this.#pump()
    }).unref()
  }

  rebuild(segments: readonly IndexedSegment[]): void {
    this.#post({ kind: 'rebuild', segments })
  }

  /** Resolves when all that was queued is through, or lost with the worker. */
  async idle(): Promise<void> {
    this.#queue.seal()
    this.#pump()
    if (this.#isIdle()) return
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve))
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#restart?.cancel()
    this.#endLinger()
    const worker = this.#worker
    if (worker === undefined) return
    worker.ref()
    await this.idle()
    this.#post({ kind: 'close' })
    await this.#exited
  }

  #start(): void {
    // The same file runs as TypeScript from src and as JavaScript from dist.
    const script = new URL(`./index-worker${extname(import.meta.filename)}`, import.meta.url)
    const workerData: IndexWorkerData = { path: this.#options.path }
    const worker = new Worker(script, { workerData })
    worker.unref()
    worker.on('message', (reply: IndexReply) => this.#take(reply))
    let reason = 'it ended by itself'
    worker.on('error', (error) => (reason = errorMessage(error)))
    this.#exited = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#lose(reason)
        resolve()
      })
    })
    this.#worker = worker
  }

  #take(reply: IndexReply): void {
    if (reply.kind === 'opened') {
      this.#ready = true
      this.#restartMs = RESTART_MIN_MS
      this.#options.onOpened(reply.complete, reply.reason ?? '')
    } else if (reply.kind === 'done') {
      this.#finish(reply)
    } else {
      this.#logRebuilt(reply)
      this.#options.onRebuilt()
    }
    this.#pump()
  }

  #finish(reply: IndexReply & { kind: 'done' }): void {
    const request = this.#inHand
    this.#inHand = undefined
    if (reply.trouble !== undefined && !reply.damaged) {
      const facts = { path: this.#options.path, request: request?.kind, reason: reply.trouble }
      this.#options.logger.warn(facts, 'the segment index could not be written; lookups will take longer')
    }
    if (request) this.#options.onDone(request, reply.damaged ? reply.trouble : undefined)
  }

  #logRebuilt(reply: IndexReply & { kind: 'rebuilt' }): void {
    const { segments, bytes, entries, trouble } = reply
    const facts = { path: this.#options.path, segments, bytes, entries }
    if (trouble === undefined) this.#options.logger.info(facts, 'the segment index is complete')
    else this.#options.logger.warn({ ...facts, reason: trouble }, 'the segment index could not be completed')
  }

  #pump(): void {
    if (this.#ready && this.#inHand === undefined) {
      const request = this.#queue.shift()
      this.#inHand = request
      if (request) this.#post(request)
    }
    if (this.#isIdle()) for (const resolve of this.#idleWaiters.splice(0)) resolve()
  }

  #isIdle(): boolean {
    if (this.#worker === undefined) return this.#closing || this.#queue.isEmpty
    return this.#ready && this.#inHand === undefined && this.#queue.isEmpty
  }

  #post(request: IndexRequest): void {
    this.#worker?.postMessage(request)
  }

  #lose(reason: string): void {
    const request = this.#inHand
    this.#worker = undefined
    this.#ready = false
    this.#inHand = undefined
    if (request) this.#options.onDone(request, undefined)
    if (this.#closing) return this.#pump()
    const retryMs = this.#restartMs
    this.#restartMs = Math.min(retryMs * 2, RESTART_MAX_MS)
    this.#options.logger.warn({ path: this.#options.path, reason, retryMs }, 'the segment index thread died')
    this.#restart = this.#options.clock.setTimer(retryMs, () => this.#start())
  }
}

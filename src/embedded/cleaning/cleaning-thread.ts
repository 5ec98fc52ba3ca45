import assert from 'node:assert/strict'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { errorMessage } from '../startup-error.ts'
import type {
  CleanedGroup,
  CleaningEnd,
  CleaningJob,
  CleaningReply,
  CleaningRequest,
  CleaningWorkerData,
} from './cleaning-messages.ts'

export type CleaningThreadSettings = Omit<CleaningWorkerData, 'stop'>

/** `died`: the thread has ended in the middle of the round; the next round starts another. */
export type RoundEnd = CleaningEnd | { readonly outcome: 'died'; readonly reason: string }

interface Round {
  /** True: the group is in force, go on. */
  readonly onGroup: (group: CleanedGroup) => Promise<boolean>
  readonly finish: (end: RoundEnd) => void
}

/** The main thread's end of a worker that compacts. It is started with the first round, and again after it has died. */
export class CleaningThread {
  readonly #settings: CleaningThreadSettings
  readonly #stop = new SharedArrayBuffer(4)
  #worker: Worker | undefined
  #exited: Promise<void> = Promise.resolve()
  #round: Round | undefined

  constructor(settings: CleaningThreadSettings) {
    this.#settings = settings
  }

  /** One round; never rejects. Another may follow when it has ended. */
  async clean(job: CleaningJob, onGroup: Round['onGroup']): Promise<RoundEnd> {
    assert.ok(!this.#round, 'one round at a time')
    Atomics.store(new Int32Array(this.#stop), 0, 0)
    this.#worker ??= this.#start()
    return new Promise((resolve) => {
      this.#round = {
        onGroup,
        finish: (end) => {
          this.#round = undefined
          resolve(end)
        },
      }
      this.#post(job)
    })
  }

  /** The round under way ends soon, as `abandoned`. */
  stop(): void {
    const word = new Int32Array(this.#stop)
    Atomics.store(word, 0, 1)
    Atomics.notify(word, 0)
  }

  /** Ends the thread; no round may be under way. */
  async close(): Promise<void> {
    this.#worker?.ref()
    this.#post({ kind: 'close' })
    await this.#exited
  }

  #start(): Worker {
    // The same file runs as TypeScript from src and as JavaScript from dist.
    const script = new URL(`./cleaning-worker${extname(import.meta.filename)}`, import.meta.url)
    const workerData: CleaningWorkerData = { ...this.#settings, stop: this.#stop }
    const worker = new Worker(script, { workerData })
    worker.unref()
    worker.on('message', (reply: CleaningReply) => void this.#take(reply))
    let reason = 'it ended by itself'
    worker.on('error', (error) => (reason = errorMessage(error)))
    this.#exited = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#worker = undefined
        this.#round?.finish({ outcome: 'died', reason })
        resolve()
      })
    })
    return worker
  }

  async #take(reply: CleaningReply): Promise<void> {
    const round = this.#round
    if (!round || reply.kind === 'ready') return
    if (reply.kind === 'end') return round.finish(reply)
    const isInForce = await round.onGroup(reply.group).catch(() => false)
    if (this.#round === round) this.#post({ kind: isInForce ? 'proceed' : 'abandon' })
  }

  #post(request: CleaningRequest): void {
    this.#worker?.postMessage(request)
  }
}

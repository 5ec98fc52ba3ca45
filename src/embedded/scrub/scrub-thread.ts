import assert from 'node:assert/strict'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { errorMessage } from '../startup-error.ts'
import { READ_WORD, STOP_WORD, type ScrubEnd, type ScrubJob, type ScrubWorkerData } from './scrub-messages.ts'

/** Reads segments again, one at a time. */
export interface ScrubRunner {
  /** Of the job under way, or the last one. */
  readonly readBytes: number
  /** Never rejects. */
  scrub(job: ScrubJob): Promise<ScrubEnd>
  /** The job under way ends soon, as `stopped`. */
  stop(): void
  /** No job may be under way. A later job begins anew. */
  close(): Promise<void>
}

/** The main thread's end of a worker that reads segments again. It lives from the first job to `close`. */
export class ScrubThread implements ScrubRunner {
  readonly #bytesPerSecondMax: number
  readonly #words = new SharedArrayBuffer(8)
  readonly #shared = new Int32Array(this.#words)
  #worker: Worker | undefined
  #exited: Promise<void> = Promise.resolve()
  #finish: ((end: ScrubEnd) => void) | undefined

  constructor(bytesPerSecondMax: number) {
    this.#bytesPerSecondMax = bytesPerSecondMax
  }

  get readBytes(): number {
    return Atomics.load(this.#shared, READ_WORD) >>> 0
  }

  scrub(job: ScrubJob): Promise<ScrubEnd> {
    assert.ok(!this.#finish, 'one segment at a time')
    Atomics.store(this.#shared, STOP_WORD, 0)
    Atomics.store(this.#shared, READ_WORD, 0)
    this.#worker ??= this.#start()
    return new Promise((resolve) => {
      this.#finish = (end) => {
        this.#finish = undefined
        resolve(end)
      }
      this.#worker?.postMessage(job)
    })
  }

  stop(): void {
    Atomics.store(this.#shared, STOP_WORD, 1)
    Atomics.notify(this.#shared, STOP_WORD)
  }

  async close(): Promise<void> {
    this.#worker?.ref()
    this.#worker?.postMessage({ kind: 'close' })
    await this.#exited
  }

  #start(): Worker {
    // The same file runs as TypeScript from src and as JavaScript from dist.
    const script = new URL(`./scrub-worker${extname(import.meta.filename)}`, import.meta.url)
    const workerData: ScrubWorkerData = { bytesPerSecondMax: this.#bytesPerSecondMax, words: this.#words }
    const worker = new Worker(script, { workerData })
    worker.unref()
    worker.on('message', (end: ScrubEnd) => this.#finish?.(end))
    let reason = 'it ended by itself'
    worker.on('error', (error) => (reason = errorMessage(error)))
    this.#exited = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#worker = undefined
        this.#finish?.({ outcome: 'failed', reason })
        resolve()
      })
    })
    return worker
  }
}

import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { StartupError } from '../startup-error.ts'
import type { WorkerReply, WorkerRequest } from './catalogue-messages.ts'
import type { CatalogueChange, CatalogueState } from './catalogue-state.ts'

interface Waiting {
  resolve(reply: WorkerReply): void
  reject(error: Error): void
}

/** The main thread's end of the worker that writes catalogue.db. */
export class CatalogueThread {
  readonly #worker: Worker
  readonly #waiting: Waiting[] = []
  readonly #exited: Promise<void>
  #failure: Error | undefined
  #isOpen = false

  private constructor() {
    // The same file runs as TypeScript from src and as JavaScript from dist.
    const script = new URL(`./catalogue-worker${extname(import.meta.filename)}`, import.meta.url)
    this.#worker = new Worker(script)
    this.#worker.on('message', (reply: WorkerReply) => this.#waiting.shift()?.resolve(reply))
    this.#worker.on('error', (error) => this.#fail(error instanceof Error ? error : new Error(String(error))))
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#fail(new Error('the catalogue thread has ended'))
        resolve()
      })
    })
  }

  /** Starts the thread. That takes longer than finding out what there is to open: it is to be done first. */
  static start(): CatalogueThread {
    return new CatalogueThread()
  }

  /** Opens catalogue.db, or makes it where `initial` is given. Rejects with StartupError where it must not be used. */
  async open(file: string, initial?: CatalogueState): Promise<CatalogueState> {
    try {
      const { state } = await this.#request({ kind: 'open', file, ...(initial && { initial }) })
      if (!state) throw new Error('the catalogue thread sent no state')
      this.#isOpen = true
      return state
    } catch (error) {
      await this.#worker.terminate()
      throw error
    }
  }

  /** Durable when it resolves; rejects with SQLite's error, its `code` kept. */
  async apply(change: CatalogueChange): Promise<void> {
    await this.#request(change)
  }

  async close(): Promise<void> {
    if (!this.#isOpen) await this.#worker.terminate()
    else if (!this.#failure) await this.#request('close')
    await this.#exited
  }

  #request(request: WorkerRequest): Promise<WorkerReply> {
    if (this.#failure) return Promise.reject(this.#failure)
    this.#worker.postMessage(request, [])
    return this.#reply()
  }

  async #reply(): Promise<WorkerReply> {
    const reply = await new Promise<WorkerReply>((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
    })
    if (!reply.error) return reply
    const { message, code, startup } = reply.error
    throw startup ? new StartupError(message) : Object.assign(new Error(message), { code })
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#failure)
  }
}

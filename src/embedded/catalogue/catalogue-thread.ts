import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { StartupError } from '../startup-error.ts'
import type { WorkerReply, WorkerRequest, WorkerStart } from './catalogue-messages.ts'
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

  private constructor(start: WorkerStart) {
    // The same file runs as TypeScript from src and as JavaScript from dist.
    const script = new URL(`./catalogue-worker${extname(import.meta.filename)}`, import.meta.url)
    this.#worker = new Worker(script, { workerData: start })
    this.#worker.on('message', (reply: WorkerReply) => this.#waiting.shift()?.resolve(reply))
    this.#worker.on('error', (error) => this.#fail(error instanceof Error ? error : new Error(String(error))))
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#fail(new Error('the catalogue thread has ended'))
        resolve()
      })
    })
  }

  /** Opens catalogue.db, or makes it where `initial` is given. Rejects with StartupError where it must not be used. */
  static async open(start: WorkerStart): Promise<{ thread: CatalogueThread; state: CatalogueState }> {
    const thread = new CatalogueThread(start)
    try {
      const { state } = await thread.#reply()
      if (!state) throw new Error('the catalogue thread sent no state')
      return { thread, state }
    } catch (error) {
      await thread.#worker.terminate()
      throw error
    }
  }

  /** Durable when it resolves; rejects with SQLite's error, its `code` kept. */
  async apply(change: CatalogueChange): Promise<void> {
    await this.#request(change)
  }

  async close(): Promise<void> {
    if (!this.#failure) await this.#request('close')
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

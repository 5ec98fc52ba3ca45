import { BrokerError } from '../broker/broker-error.ts'
import type { Clock } from '../broker/clock.ts'

/** What can be waited for: it calls back each time there is more to read. */
export interface Advancing {
  onAdvance(listener: () => void): () => void
}

/** Reads that wait for records: a bounded number, each ended by the first of an advance, its time, its signal, or the close. */
export class ReadWaiter {
  readonly #clock: Clock
  readonly #waitingMax: number
  readonly #waiting = new Set<() => void>()
  #closed = false
  #refusals = 0

  constructor(clock: Clock, waitingMax: number) {
    this.#clock = clock
    this.#waitingMax = waitingMax
  }

  /** Reads waiting now. */
  get count(): number {
    return this.#waiting.size
  }

  /** Waits refused so far. */
  get refusals(): number {
    return this.#refusals
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Resolves whatever ended the wait. Throws SERVER_OVERLOADED where too many wait already. */
  wait(sources: readonly Advancing[], waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#closed || signal?.aborted) return Promise.resolve()
    if (this.#waiting.size >= this.#waitingMax) {
      this.#refusals++
      throw new BrokerError(
        'SERVER_OVERLOADED',
        `${this.#waiting.size} reads wait for records already, as many as may (fetch.waiting.max). Ask again in a ` +
          `moment, or with waitMs=0.`,
        { retryAfterSeconds: 1 },
      )
    }
    return new Promise((resolve) => {
      const end = (): void => {
        if (!this.#waiting.delete(end)) return
        for (const unsubscribe of subscriptions) unsubscribe()
        timer.cancel()
        signal?.removeEventListener('abort', end)
        resolve()
      }
      this.#waiting.add(end)
      const subscriptions = sources.map((source) => source.onAdvance(end))
      const timer = this.#clock.setTimer(waitMs, end)
      signal?.addEventListener('abort', end)
    })
  }

  /** Ends all waits at once; later ones end as they begin. */
  close(): void {
    this.#closed = true
    for (const end of this.#waiting) end()
  }
}

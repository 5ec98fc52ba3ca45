import type { Clock } from '../../broker/clock.ts'

/** It does not sleep for less: bytes are counted until it is worth while. */
const SLEEP_MIN_MS = 5
/** What was saved up while nothing was read counts for so long. */
const BURST_MS = 100

export interface IoThrottleOptions {
  /** Infinity = never sleeps. */
  readonly bytesPerSecondMax: number
  readonly clock: Clock
  readonly sleep: (durationMs: number) => void
}

/** Holds its thread back so that it reads and writes no more than so many bytes a second. */
export class IoThrottle {
  readonly #options: IoThrottleOptions
  /** When all bytes so far would have been through at exactly the rate. */
  #dueMs = 0

  constructor(options: IoThrottleOptions) {
    this.#options = options
  }

  /** So many bytes were read or written. */
  took(bytes: number): void {
    const { bytesPerSecondMax, clock, sleep } = this.#options
    if (bytesPerSecondMax === Infinity) return
    const now = clock.monotonic()
    this.#dueMs = Math.max(this.#dueMs, now - BURST_MS) + (bytes * 1000) / bytesPerSecondMax
    const ahead = this.#dueMs - now
    if (ahead >= SLEEP_MIN_MS) sleep(ahead)
  }
}

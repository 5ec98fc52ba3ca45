import type { Clock, Timer } from '../../broker/clock.ts'

/** Forgets from time to time what nobody may ask for any more. */
export class RequestExpiry {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #sweep: () => void
  #timer: Timer | undefined

  constructor(clock: Clock, intervalMs: number, sweep: () => void) {
    this.#clock = clock
    this.#intervalMs = intervalMs
    this.#sweep = sweep
  }

  start(): void {
    this.#timer = this.#clock.setTimer(this.#intervalMs, () => {
      this.#sweep()
      this.start()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }
}

import type { Clock, Timer } from '../../src/broker/clock.ts'

interface PendingTimer {
  readonly due: number
  readonly callback: () => void
}

/** Time that moves only when told to; wall and monotonic clock go together unless `jump` parts them. */
export class FakeClock implements Clock {
  #wall: number
  #monotonic = 0
  readonly #timers = new Set<PendingTimer>()

  constructor(startMs = 1_700_000_000_000) {
    this.#wall = startMs
  }

  now(): number {
    return this.#wall
  }

  monotonic(): number {
    return this.#monotonic
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer: PendingTimer = { due: this.#monotonic + delayMs, callback }
    this.#timers.add(timer)
    return { cancel: () => this.#timers.delete(timer) }
  }

  /** Timers that have not fired. */
  get pendingTimers(): number {
    return this.#timers.size
  }

  /** Moves both clocks on and fires what is due, in order of time. */
  advance(ms: number): void {
    const end = this.#monotonic + ms
    for (;;) {
      const next = [...this.#timers].filter((timer) => timer.due <= end).sort((one, other) => one.due - other.due)[0]
      if (!next) break
      this.#moveTo(Math.max(next.due, this.#monotonic))
      this.#timers.delete(next)
      next.callback()
    }
    this.#moveTo(end)
  }

  /** The wall clock alone is set to another time. */
  jump(ms: number): void {
    this.#wall += ms
  }

  #moveTo(monotonic: number): void {
    this.#wall += monotonic - this.#monotonic
    this.#monotonic = monotonic
  }
}

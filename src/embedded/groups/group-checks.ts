import type { Clock, Timer } from '../../broker/clock.ts'

/** The longest delay that a timer of the platform takes; what is later is looked at too early, and put off again. */
const TIMER_MS_MAX = 0x7fff_ffff

/**
 * A timer that comes so late says that this process stood still, and so did what members sent meanwhile: it is to be read
 * first, before anybody is taken for silent.
 */
const STOOD_STILL_MS = 1000

interface Check {
  readonly at: number
  readonly timer: Timer
}

/** Looks at each group when the time has come that it named: one timer a group, for the earliest time asked for. */
export class GroupChecks {
  readonly #clock: Clock
  readonly #check: (group: string) => void
  readonly #pending = new Map<string, Check>()
  /** Groups whose last check failed, and until when they are left alone. */
  readonly #postponed = new Map<string, number>()
  #closed = false

  constructor(clock: Clock, check: (group: string) => void) {
    this.#clock = clock
    this.#check = check
  }

  /** @param at of the monotonic clock; Infinity = not at all. An earlier time that was asked for stays. */
  atLatest(group: string, at: number): void {
    const pending = this.#pending.get(group)
    const time = Math.max(at, this.#postponed.get(group) ?? 0)
    if (this.#closed || time === Infinity || (pending !== undefined && pending.at <= time)) return
    pending?.timer.cancel()
    this.#set(group, time, (now) => {
      if (now - time < STOOD_STILL_MS) this.#check(group)
      else this.#set(group, now + STOOD_STILL_MS, () => this.#check(group))
    })
  }

  /** A check failed: the next one comes at `at`, whatever asks for an earlier one. */
  postpone(group: string, at: number): void {
    this.#postponed.set(group, at)
    this.atLatest(group, at)
  }

  /** A check went through. */
  allow(group: string): void {
    this.#postponed.delete(group)
  }

  cancel(group: string): void {
    this.allow(group)
    this.#pending.get(group)?.timer.cancel()
    this.#pending.delete(group)
  }

  /** No check begins any more. */
  close(): void {
    this.#closed = true
    for (const { timer } of this.#pending.values()) timer.cancel()
    this.#pending.clear()
  }

  #set(group: string, at: number, ring: (now: number) => void): void {
    const delayMs = Math.min(Math.max(Math.ceil(at - this.#clock.monotonic()), 0), TIMER_MS_MAX)
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#pending.delete(group)
      ring(this.#clock.monotonic())
    })
    this.#pending.set(group, { at, timer })
  }
}

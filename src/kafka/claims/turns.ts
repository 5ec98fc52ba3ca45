import type { Clock } from '../../broker/clock.ts'

/** Who is at a name, and who waits for it. */
export class Turns {
  readonly #clock: Clock
  readonly #held = new Set<string>()
  readonly #waiting = new Map<string, Set<() => void>>()
  #idle: (() => void)[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  isHeld(name: string): boolean {
    return this.#held.has(name)
  }

  hold(name: string): void {
    this.#held.add(name)
  }

  /** Wakes all that wait for it: each looks whether it is its turn. */
  letGo(name: string): void {
    this.#held.delete(name)
    this.wake(name)
    if (this.#held.size === 0) for (const wake of this.#idle.splice(0)) wake()
  }

  wake(name: string): void {
    for (const wake of this.#waiting.get(name) ?? []) wake()
  }

  wakeAll(): void {
    for (const name of this.#waiting.keys()) this.wake(name)
  }

  /** Resolves when it is let go, and at the latest after that long. */
  change(name: string, waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(name) ?? new Set()
      this.#waiting.set(name, waiting)
      const wake = (): void => {
        timer.cancel()
        waiting.delete(wake)
        if (waiting.size === 0 && this.#waiting.get(name) === waiting) this.#waiting.delete(name)
        resolve()
      }
      const timer = this.#clock.setTimer(waitMs, wake)
      waiting.add(wake)
    })
  }

  /** Resolves when nobody is at any. */
  async settled(): Promise<void> {
    if (this.#held.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }
}

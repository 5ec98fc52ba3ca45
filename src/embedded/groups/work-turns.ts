import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../broker/clock.ts'

/** The event loop is let go after so long. */
const TURN_MS = 8

/**
 * Cuts long work into short turns of the event loop. Several that work at the same time share one, so that they do not take
 * theirs one behind the other in the same round of the loop.
 */
export class WorkTurns {
  readonly #clock: Clock
  #began: number
  #next: Promise<void> | undefined

  /** The first turn begins now. */
  constructor(clock: Clock) {
    this.#clock = clock
    this.#began = clock.monotonic()
  }

  /** Whether to wait for `next` before going on; ask again then, for others may have used the turn up. */
  get isOver(): boolean {
    return this.#clock.monotonic() - this.#began >= TURN_MS
  }

  next(): Promise<void> {
    this.#next ??= this.#take()
    return this.#next
  }

  async #take(): Promise<void> {
    await nextTurn()
    this.#next = undefined
    this.#began = this.#clock.monotonic()
  }
}

import type { Clock } from '../../broker/clock.ts'

/** Wall and monotonic clock may part by so much, by corrections, before the wall clock is doubted. */
const DISAGREEMENT_MAX_MS = 3_600_000
/** A doubted clock must go evenly for so long before it is believed again. */
const PROBATION_MS = 3_600_000
/** Evenly: with no step larger than this. */
const STEP_MAX_MS = 60_000

export interface DeletionClockOptions {
  readonly clock: Clock
  /** The highest wall time that was believed before this start, Unix milliseconds; undefined where none is known. */
  readonly highestSeenMs: number | undefined
  /** `clock.jump.max.ms` */
  readonly jumpMaxMs: number
  /** `clock.jump.accept`: an operator says that the time at this start is right. */
  readonly jumpAccepted: boolean
  /** The shortest time that anything is kept for: a jump below it deletes nothing early. Asked when a pause could end. */
  readonly shortestRetentionMs: () => number
}

/** Why nothing is deleted by time. */
export interface ClockPause {
  /** By how much the wall clock is ahead of where it was expected; negative: behind. */
  readonly jumpMs: number
  /** The wall clock went evenly for an hour since: what is kept longer than the jump may be deleted. */
  readonly isSettled: boolean
}

/**
 * Decides whether the wall clock may be believed by what deletes by time: one wrong date must not delete everything.
 *
 * It is doubted when it is far beyond the highest time seen before, or when it parts from the monotonic clock while the
 * process runs. While it is doubted, time goes on from what was believed last. Pure but for the clock; `observe` has to
 * be called regularly.
 */
export class DeletionClock {
  readonly #options: DeletionClockOptions
  /** Wall and monotonic time at one moment, both believed. */
  #believed: { readonly wall: number; readonly monotonic: number }
  /** The same of the doubted clock: when its probation began. */
  #probation: { readonly wall: number; readonly monotonic: number } | undefined
  #highestSeenMs: number

  constructor(options: DeletionClockOptions) {
    this.#options = options
    const { highestSeenMs, jumpMaxMs, jumpAccepted } = options
    const present = this.#present()
    this.#highestSeenMs = highestSeenMs ?? present.wall
    if (!jumpAccepted && present.wall > this.#highestSeenMs + jumpMaxMs) {
      this.#believed = { wall: this.#highestSeenMs, monotonic: present.monotonic }
      this.#probation = present
    } else {
      this.#believed = present
      // An operator may set a clock back that was wrong: what it said before does not count then.
      this.#highestSeenMs = jumpAccepted ? present.wall : Math.max(this.#highestSeenMs, present.wall)
    }
  }

  /** The highest wall time that was believed. */
  get highestSeenMs(): number {
    return this.#highestSeenMs
  }

  /** The wall clock's time while it is believed, else what it would be had it not jumped; Unix milliseconds. */
  believedNow(): number {
    this.observe()
    const present = this.#present()
    if (this.#probation === undefined) return present.wall
    return this.#believed.wall + Math.round(present.monotonic - this.#believed.monotonic)
  }

  /**
   * For what is to be deleted so long after it: if the wall clock is wrong, then too late rather than too early. Never below
   * what was believed before, also where the process began in the past.
   */
  latestNow(): number {
    return Math.max(this.#options.clock.now(), this.believedNow(), this.#highestSeenMs)
  }

  /** As of the last `observe`. */
  get pause(): ClockPause | undefined {
    const probation = this.#probation
    if (probation === undefined) return undefined
    const present = this.#present()
    return {
      jumpMs: this.#aheadOf(this.#believed, present),
      isSettled: present.monotonic - probation.monotonic >= PROBATION_MS,
    }
  }

  /** Whether things that are kept for this long may be deleted now because they are older. */
  mayDeleteAfter(retentionMs: number): boolean {
    this.observe()
    const pause = this.pause
    return pause === undefined || (pause.isSettled && pause.jumpMs < retentionMs)
  }

  /** Looks at both clocks. */
  observe(): void {
    const present = this.#present()
    const ahead = this.#aheadOf(this.#believed, present)
    const probation = this.#probation
    if (probation === undefined) {
      if (Math.abs(ahead) > DISAGREEMENT_MAX_MS) this.#probation = present
      else this.#believe(present)
      return
    }
    if (Math.abs(ahead) <= DISAGREEMENT_MAX_MS) return this.#believe(present)
    if (Math.abs(this.#aheadOf(probation, present)) > STEP_MAX_MS) this.#probation = present
    const pause = this.pause
    if (pause?.isSettled === true && pause.jumpMs < this.#options.shortestRetentionMs()) this.#believe(present)
  }

  /** By how much the wall clock has gained on the monotonic one since a moment. */
  #aheadOf(since: { readonly wall: number; readonly monotonic: number }, present: typeof since): number {
    return present.wall - since.wall - (present.monotonic - since.monotonic)
  }

  #believe(present: { readonly wall: number; readonly monotonic: number }): void {
    // Small corrections move what is believed, so that they do not add up over the months.
    this.#believed = present
    this.#probation = undefined
    this.#highestSeenMs = Math.max(this.#highestSeenMs, present.wall)
  }

  #present(): { readonly wall: number; readonly monotonic: number } {
    const { clock } = this.#options
    return { wall: clock.now(), monotonic: clock.monotonic() }
  }
}

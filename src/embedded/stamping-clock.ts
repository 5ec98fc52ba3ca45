import type { Clock } from '../broker/clock.ts'
import type { DeletionClock } from './cleaning/deletion-clock.ts'

/**
 * The clock that stamps what expires. A machine may start in the past, or be set back, and be set right while it runs:
 * stamped by a clock that never shows less than was believed before, nothing of that time is old at once then.
 */
export function stampingClock(clock: Clock, believed: Pick<DeletionClock, 'latestNow'>): Clock {
  return {
    now: () => believed.latestNow(),
    monotonic: () => clock.monotonic(),
    setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
  }
}

/** Goes on from a time as the monotonic clock does; Unix milliseconds. */
export function steadyTime(clock: Pick<Clock, 'monotonic'>, fromMs: number): () => number {
  const since = clock.monotonic()
  return () => fromMs + Math.round(clock.monotonic() - since)
}

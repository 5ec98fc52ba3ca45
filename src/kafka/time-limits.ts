import { TimeoutError } from '@platformatic/kafka'
import type { Clock } from '../broker/clock.ts'

/** Rejects with the library's TimeoutError where it takes longer; what it comes to then is dropped. */
export function withinMs<T>(work: Promise<T>, limitMs: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(limitMs, () => reject(new TimeoutError(`no answer within ${limitMs} ms`)))
    work.then(resolve, reject).finally(() => timer.cancel())
  })
}

/** Resolves after so long, or when the signal ends it. */
export function pause(delayMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.setTimer(delayMs, end)
    signal.addEventListener('abort', end)
  })
}

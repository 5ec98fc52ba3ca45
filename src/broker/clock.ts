/**
 * Time as the rest of the program sees it. Nothing but `systemClock` reads the machine's clocks, so a test can move time.
 */
export interface Clock {
  /** Wall time, Unix milliseconds. May jump in either direction. */
  now(): number
  /** Milliseconds since an arbitrary start; never goes back. For waits, sessions and latencies. */
  monotonic(): number
  /** Calls `callback` once after `delayMs`. A pending timer keeps no process alive. */
  setTimer(delayMs: number, callback: () => void): Timer
}

export interface Timer {
  /** Harmless after the timer fired. */
  cancel(): void
}

/** Node lets a longer timeout end at once. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, callback) {
    if (delayMs > TIMEOUT_MAX_MS) return longTimer(delayMs, callback)
    const handle = setTimeout(callback, delayMs)
    handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
}

/** Keeps the process alive until what it returns is called: for work that at times waits for nothing but timers. */
export function holdProcess(): () => void {
  const handle = setInterval(() => {}, 60_000)
  return () => clearInterval(handle)
}

function longTimer(delayMs: number, callback: () => void): Timer {
  let timer = systemClock.setTimer(TIMEOUT_MAX_MS, () => {
    timer = systemClock.setTimer(delayMs - TIMEOUT_MAX_MS, callback)
  })
  return { cancel: () => timer.cancel() }
}

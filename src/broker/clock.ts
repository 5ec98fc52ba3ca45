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

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, callback) {
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

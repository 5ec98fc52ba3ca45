import { parentPort, workerData } from 'node:worker_threads'
import { monotonicMs } from './monotonic.ts'

export interface TickSettings {
  readonly intervalMs: number
}

/** Tick n is due n intervals after `beganMs`. */
export interface Tick {
  readonly number: number
  readonly beganMs: number
}

/*
 * Ticks at exact times: Atomics.wait sleeps for fractions of a millisecond, which timers of an event loop cannot, and
 * does not spin. It ticks until its thread is terminated.
 */
const { intervalMs } = workerData as TickSettings
const sleeper = new Int32Array(new SharedArrayBuffer(4))
const beganMs = monotonicMs()
for (let number = 0; ; number++) {
  const leftMs = beganMs + number * intervalMs - monotonicMs()
  if (leftMs > 0) Atomics.wait(sleeper, 0, 0, leftMs)
  parentPort?.postMessage({ number, beganMs } satisfies Tick, [])
}

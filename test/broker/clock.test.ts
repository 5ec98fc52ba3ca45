import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/broker/clock.ts'

test('a timer of centuries does not go off at once', async () => {
  const early: number[] = []
  const timers = [2 ** 31, 2 ** 63].map((delayMs) => systemClock.setTimer(delayMs, () => early.push(delayMs)))
  // Unlike the clock's timers this one keeps the test alive.
  await new Promise((resolve) => setTimeout(resolve, 10))
  for (const timer of timers) timer.cancel()
  assert.deepEqual(early, [])
})

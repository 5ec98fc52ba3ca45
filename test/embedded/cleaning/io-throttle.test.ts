import assert from 'node:assert/strict'
import test from 'node:test'
import { IoThrottle } from '../../../src/embedded/cleaning/io-throttle.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function passed(bytesPerSecondMax: number, pieces: readonly number[]): number {
  const clock = new FakeClock()
  const throttle = new IoThrottle({ bytesPerSecondMax, clock, sleep: (durationMs) => clock.advance(durationMs) })
  for (const bytes of pieces) throttle.took(bytes)
  return clock.monotonic()
}

test('as many bytes go through in a second as may, in whatever pieces', () => {
  for (const piece of [10, 999, 5000, 100_000]) {
    const pieces = Array.from({ length: 100_000 / piece }, () => piece)
    const tookMs = passed(10_000, pieces)
    const bytes = pieces.length * piece
    assert.ok(Math.abs(tookMs - bytes / 10) <= 100, `${bytes} bytes in pieces of ${piece} took ${tookMs} ms`)
  }
})

test('without a limit it never sleeps', () => {
  assert.equal(passed(Infinity, [1e9, 1e9]), 0)
  assert.equal(passed(Number.MAX_VALUE, [1e9, 1e9]), 0)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DeletionClock, type DeletionClockOptions } from '../../../src/embedded/cleaning/deletion-clock.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const WEEK = 7 * DAY

function deletionClock(options: Partial<DeletionClockOptions> = {}) {
  const clock = new FakeClock()
  const guard = new DeletionClock({
    clock,
    highestSeenMs: clock.now(),
    jumpMaxMs: DAY,
    jumpAccepted: false,
    shortestRetentionMs: () => WEEK,
    ...options,
  })
  return { clock, guard, start: clock.now() }
}

test('time that goes on evenly is believed', () => {
  const { clock, guard, start } = deletionClock()
  for (let hour = 0; hour < 48; hour++) {
    clock.advance(HOUR)
    // Small corrections do not add up.
    clock.jump(hour % 2 === 0 ? 50_000 : -20_000)
    guard.observe()
  }
  assert.equal(guard.pause, undefined)
  assert.ok(guard.mayDeleteAfter(0))
  assert.equal(guard.highestSeenMs, clock.now())
  assert.ok(guard.highestSeenMs > start)
})

test('a start up to a day later is believed, one ten years later is not', () => {
  const present = new FakeClock().now()
  assert.equal(deletionClock({ highestSeenMs: present - DAY }).guard.pause, undefined)
  const { clock, guard } = deletionClock({ highestSeenMs: present - 3650 * DAY })
  assert.equal(guard.pause?.jumpMs, 3650 * DAY)
  clock.advance(30 * HOUR)
  assert.equal(guard.mayDeleteAfter(WEEK), false, 'ten years are more than what is kept')
  assert.equal(guard.highestSeenMs, present - 3650 * DAY, 'the next start doubts it again')
})

test('after a long weekend deletion goes on when the clock was even for an hour', () => {
  const { clock, guard } = deletionClock({ highestSeenMs: new FakeClock().now() - 3 * DAY })
  assert.equal(guard.mayDeleteAfter(WEEK), false)
  clock.advance(HOUR - 1)
  assert.equal(guard.mayDeleteAfter(WEEK), false)
  clock.advance(1)
  assert.ok(guard.mayDeleteAfter(WEEK))
  assert.equal(guard.pause, undefined)
  assert.equal(guard.highestSeenMs, clock.now())
})

test('while one topic is kept for less than the jump, others are deleted and that one waits', () => {
  const { clock, guard } = deletionClock({
    highestSeenMs: new FakeClock().now() - 3 * DAY,
    shortestRetentionMs: () => HOUR,
  })
  clock.advance(2 * HOUR)
  assert.ok(guard.mayDeleteAfter(WEEK))
  assert.equal(guard.mayDeleteAfter(HOUR), false)
  assert.equal(guard.pause?.isSettled, true)
})

test('an operator may say that the time is right', () => {
  const { clock, guard } = deletionClock({ highestSeenMs: new FakeClock().now() - 3650 * DAY, jumpAccepted: true })
  assert.ok(guard.mayDeleteAfter(1))
  assert.equal(guard.highestSeenMs, clock.now())
})

test('a jump while running pauses, in either direction, and ends when the clock is back', () => {
  for (const jump of [10 * 365 * DAY, -10 * 365 * DAY, 2 * HOUR]) {
    const { clock, guard } = deletionClock()
    clock.advance(DAY)
    assert.ok(guard.mayDeleteAfter(HOUR))
    const believed = guard.highestSeenMs
    clock.jump(jump)
    assert.equal(guard.mayDeleteAfter(HOUR), false, `${jump}`)
    assert.equal(guard.highestSeenMs, believed)
    clock.advance(5 * 60_000)
    clock.jump(-jump)
    assert.ok(guard.mayDeleteAfter(HOUR), `${jump} and back`)
  }
})

test('a clock that keeps stepping never settles', () => {
  const { clock, guard } = deletionClock()
  clock.jump(2 * DAY)
  for (let step = 0; step < 300; step++) {
    clock.advance(30 * 60_000)
    clock.jump(2 * 60_000)
    assert.equal(guard.mayDeleteAfter(WEEK), false)
  }
  clock.advance(HOUR)
  assert.ok(guard.mayDeleteAfter(WEEK))
})

test('whatever the clock does, nothing is deleted within an hour of a jump over what it is kept for', () => {
  const step = fc.record({
    goesOnMs: fc.integer({ min: 1, max: 3 * HOUR }),
    jumpMs: fc.integer({ min: -30 * DAY, max: 30 * DAY }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.integer({ min: 0, max: 3 * WEEK }), (steps, retentionMs) => {
      const { clock, guard } = deletionClock({ shortestRetentionMs: () => retentionMs })
      let largeJumpAt = -Infinity
      for (const { goesOnMs, jumpMs } of steps) {
        clock.advance(goesOnMs)
        guard.observe()
        clock.jump(jumpMs)
        const wasEven = guard.pause === undefined
        guard.observe()
        if (wasEven && Math.abs(jumpMs) > HOUR) largeJumpAt = clock.monotonic()
        if (guard.mayDeleteAfter(retentionMs) && guard.pause !== undefined) {
          assert.ok(clock.monotonic() - largeJumpAt >= HOUR)
          assert.ok(guard.pause.jumpMs < retentionMs)
        }
        if (wasEven && Math.abs(jumpMs) > HOUR) assert.equal(guard.mayDeleteAfter(retentionMs), false)
      }
    }),
  )
})

test('while it is doubted, time goes on from what was believed', () => {
  const { clock, guard } = deletionClock()
  clock.advance(DAY)
  const before = guard.believedNow()
  assert.equal(before, clock.now())
  clock.jump(3650 * DAY)
  clock.advance(5000)
  assert.equal(guard.believedNow(), before + 5000)
  clock.jump(-3650 * DAY)
  assert.equal(guard.believedNow(), clock.now())
})

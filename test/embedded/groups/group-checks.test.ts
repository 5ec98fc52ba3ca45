import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../../src/broker/clock.ts'
import { GroupChecks } from '../../../src/embedded/groups/group-checks.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function setup(): { clock: FakeClock; checks: GroupChecks; seen: string[] } {
  const clock = new FakeClock()
  const seen: string[] = []
  return { clock, checks: new GroupChecks(clock, (group) => seen.push(`${group} ${clock.monotonic()}`)), seen }
}

test('a group is looked at at the earliest time asked for, once', () => {
  const { clock, checks, seen } = setup()
  checks.atLatest('a', 500)
  checks.atLatest('a', 300)
  checks.atLatest('a', 900)
  checks.atLatest('b', 400)
  checks.atLatest('c', Infinity)
  clock.advance(2000)
  assert.deepEqual(seen, ['a 300', 'b 400'])
})

test('a group that is put off is left alone until then, whatever asks', () => {
  const { clock, checks, seen } = setup()
  checks.postpone('a', 1000)
  checks.atLatest('a', 10)
  clock.advance(1000)
  assert.deepEqual(seen, ['a 1000'])
  checks.allow('a')
  checks.atLatest('a', 1010)
  clock.advance(10)
  assert.deepEqual(seen, ['a 1000', 'a 1010'])
})

test('when the process stood still, what members sent meanwhile is read before anybody is taken for silent', () => {
  const machine = new FakeClock()
  // Timers are behind by what the clock jumps when a stopped process goes on.
  let stoodStillMs = 0
  const clock: Clock = {
    now: () => machine.now(),
    monotonic: () => machine.monotonic() + stoodStillMs,
    setTimer: (delayMs, callback) => machine.setTimer(delayMs, callback),
  }
  const seen: string[] = []
  const checks = new GroupChecks(clock, (group) => seen.push(group))
  checks.atLatest('a', 100)
  stoodStillMs = 60_000
  machine.advance(100)
  assert.deepEqual(seen, [])
  machine.advance(999)
  assert.deepEqual(seen, [])
  machine.advance(1)
  assert.deepEqual(seen, ['a'])
})

test('a closed one is silent, and leaves no timer behind', () => {
  const { clock, checks, seen } = setup()
  checks.atLatest('a', 10)
  checks.atLatest('b', 10)
  checks.cancel('b')
  assert.equal(clock.pendingTimers, 1)
  checks.close()
  checks.atLatest('a', 10)
  assert.equal(clock.pendingTimers, 0)
  clock.advance(20)
  assert.deepEqual(seen, [])
})

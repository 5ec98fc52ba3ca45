import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Schedule } from '../../../bench/open-loop/schedule.ts'

test('requests are evenly spaced, the first at once', () => {
  const schedule = new Schedule(1000, 1, 2)
  assert.equal(schedule.total, 3000)
  assert.equal(schedule.firstMeasured, 1000)
  assert.deepEqual([schedule.intendedMs(0), schedule.intendedMs(1), schedule.intendedMs(1000)], [0, 1, 1000])
  assert.deepEqual([schedule.dueAt(-1), schedule.dueAt(0), schedule.dueAt(0.9), schedule.dueAt(1)], [0, 1, 1, 2])
})

test('a request is due from its intended moment on, at any rate, and none is due beyond the last', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50_000 }), fc.integer({ min: 1, max: 10_000 }), (perSecond, request) => {
      const schedule = new Schedule(perSecond, 0, 10)
      fc.pre(request < schedule.total)
      const intendedMs = schedule.intendedMs(request)
      assert.equal(schedule.dueAt(intendedMs), request + 1)
      assert.equal(schedule.dueAt(intendedMs - 0.25 * (1000 / perSecond)), request)
      assert.equal(schedule.dueAt(1e9), schedule.total)
    }),
  )
})

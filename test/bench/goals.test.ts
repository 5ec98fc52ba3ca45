import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  atLeastMegabytesPerSecond,
  atLeastRatio,
  atLeastRecordsPerSecond,
  atMostLatency,
  atMostMilliseconds,
  atMostRssMiB,
  judged,
} from '../../bench/goals.ts'

const ratio = (median: number) => ({ work: 'x', ratio: { median, lowest: 0.1, highest: 9, to: 'no-op' } })

test('a goal is met from its own value on', () => {
  assert.deepEqual(atLeastRatio(0.8)(ratio(0.8)), { goal: '≥ 0.8 × no-op', met: true })
  assert.equal(atLeastRatio(0.8)(ratio(0.799)).met, false)
  assert.equal(atLeastRecordsPerSecond(1_000_000)({ work: 'x', recordsPerSecond: 1_000_000 }).met, true)
  assert.equal(atLeastRecordsPerSecond(1_000_000)({ work: 'x', recordsPerSecond: 999_999 }).met, false)
  assert.equal(atLeastMegabytesPerSecond(1000)({ work: 'x', megabytesPerSecond: 1000 }).met, true)
  assert.equal(atLeastMegabytesPerSecond(1000)({ work: 'x', megabytesPerSecond: 999 }).met, false)
  assert.equal(atMostMilliseconds(2000)({ work: 'x', milliseconds: 2000 }).met, true)
  assert.equal(atMostMilliseconds(2000)({ work: 'x', milliseconds: 2001 }).met, false)
  assert.equal(atMostRssMiB(250)({ work: 'x', rssMiB: 250 })?.met, true)
  assert.equal(atMostRssMiB(250)({ work: 'x', rssMiB: 251 })?.met, false)
})

test('both latencies must be low enough', () => {
  const goal = atMostLatency(2, 15)
  assert.equal(goal({ work: 'x', p50Ms: 2, p99Ms: 15 }).met, true)
  assert.equal(goal({ work: 'x', p50Ms: 2.1, p99Ms: 15 }).met, false)
  assert.equal(goal({ work: 'x', p50Ms: 2, p99Ms: 15.1 }).met, false)
})

test('what was not measured is missed, but memory where the system does not tell it', () => {
  const empty = { work: 'x' }
  for (const goal of [atLeastRatio(1), atLeastRecordsPerSecond(1), atMostLatency(1, 1), atMostMilliseconds(1)]) {
    assert.equal(goal(empty).met, false)
  }
  assert.equal(atMostRssMiB(250)(empty), undefined)
})

test('a row of which no goal is known has none', () => {
  assert.equal(judged(ratio(1), undefined).mustReach, undefined)
  assert.equal(judged(ratio(1), atLeastRatio(1)).mustReach?.met, true)
})

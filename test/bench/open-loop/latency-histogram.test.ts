import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LatencyHistogram } from '../../../bench/open-loop/latency-histogram.ts'

test('percentiles are in milliseconds, to three figures', () => {
  const histogram = new LatencyHistogram()
  for (let i = 1; i <= 1000; i++) histogram.record(i / 100)
  const { count, p50Ms, p99Ms, maxMs } = histogram.latencies()
  assert.equal(count, 1000)
  assert.ok(Math.abs(p50Ms - 5) < 0.02 && Math.abs(p99Ms - 9.9) < 0.02 && Math.abs(maxMs - 10) < 0.02)
})

test('nothing recorded is all zeros', () => {
  assert.deepEqual(new LatencyHistogram().latencies(), { count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 })
})

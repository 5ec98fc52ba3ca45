import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveTopicConfig } from '../../../src/broker/topic-config-definitions.ts'
import { shouldRoll, type ActiveSegment, type IncomingBatch } from '../../../src/embedded/log/roll-policy.ts'

const base = resolveTopicConfig(new Map(), new Map())
const config = { ...base, segmentBytes: 1000, segmentMs: 100, segmentJitterMs: 0 }
const segment: ActiveSegment = { baseOffset: 0, sizeBytes: 500, firstTimestamp: 1000, createdMs: 5000, jitter: 0 }
const batch: IncomingBatch = { sizeBytes: 100, maxTimestamp: 1050, lastOffset: 9 }
const NOW = 5050

test('a segment rolls before it would pass segment.bytes', () => {
  assert.equal(shouldRoll({ ...segment, sizeBytes: 900 }, batch, config, NOW), false)
  assert.equal(shouldRoll({ ...segment, sizeBytes: 901 }, batch, config, NOW), true)
  assert.equal(shouldRoll({ ...segment, sizeBytes: 0 }, { ...batch, sizeBytes: 5000 }, config, NOW), false)
})

test('time is that of the records, counted from the first batch', () => {
  assert.equal(shouldRoll(segment, { ...batch, maxTimestamp: 1100 }, config, 10 ** 9), false)
  assert.equal(shouldRoll(segment, { ...batch, maxTimestamp: 1101 }, config, NOW), true)
  assert.equal(shouldRoll({ ...segment, sizeBytes: 0 }, { ...batch, maxTimestamp: 10 ** 9 }, config, NOW), false)
})

test('without record time it is the wall clock, counted from the creation', () => {
  const untimed = { ...segment, firstTimestamp: -1 }
  assert.equal(shouldRoll(untimed, { ...batch, maxTimestamp: -1 }, config, 5100), false)
  assert.equal(shouldRoll(untimed, { ...batch, maxTimestamp: -1 }, config, 5101), true)
})

test('jitter rolls earlier, and a compacted topic rolls within its largest lag', () => {
  const jittered = { ...config, segmentJitterMs: 50 }
  assert.equal(shouldRoll({ ...segment, jitter: 0.5 }, { ...batch, maxTimestamp: 1076 }, jittered, NOW), true)
  assert.equal(shouldRoll({ ...segment, jitter: 0.5 }, { ...batch, maxTimestamp: 1075 }, jittered, NOW), false)
  const compacted = { ...config, cleanupPolicy: ['compact'] as const, maxCompactionLagMs: 20 }
  assert.equal(shouldRoll(segment, { ...batch, maxTimestamp: 1021 }, compacted, NOW), true)
})

test('offsets of a segment span 31 bits', () => {
  assert.equal(shouldRoll(segment, { ...batch, lastOffset: 2 ** 31 - 1 }, config, NOW), false)
  assert.equal(shouldRoll(segment, { ...batch, lastOffset: 2 ** 31 }, config, NOW), true)
})

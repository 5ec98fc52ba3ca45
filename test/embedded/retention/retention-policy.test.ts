import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  retentionVerdict,
  type RetainedLog,
  type RetainedSegment,
  type RetentionConfig,
} from '../../../src/embedded/retention/retention-policy.ts'

const NOW = 1_000_000

/** Segments of ten offsets each; the last one is active. */
function logOf(
  segments: readonly (readonly [sizeBytes: number, largestTimestamp: number])[],
  rest: Partial<RetainedLog> = {},
) {
  const logEndOffset = segments.length * 10
  return {
    segments: segments.map(([sizeBytes, largestTimestamp], place) => {
      return { baseOffset: place * 10, sizeBytes, largestTimestamp }
    }),
    logStartOffset: 0,
    highWatermark: logEndOffset,
    logEndOffset,
    ...rest,
  }
}

function configOf(rest: Partial<RetentionConfig>): RetentionConfig {
  return { cleanupPolicy: ['delete'], retentionMs: -1, retentionBytes: -1, ...rest }
}

function counts(log: RetainedLog, config: Partial<RetentionConfig>, nowMs: number | undefined = NOW) {
  const { byLogStart, bySize, byTime } = retentionVerdict(log, configOf(config), nowMs)
  return [byLogStart, bySize, byTime]
}

describe('retention by time', () => {
  const log = logOf([
    [100, NOW - 60],
    [100, NOW - 50],
    [100, NOW - 40],
  ])

  it('takes what is older, not what is just as old', () => {
    assert.deepEqual(counts(log, { retentionMs: 49 }), [0, 0, 2])
    assert.deepEqual(counts(log, { retentionMs: 50 }), [0, 0, 1])
    assert.deepEqual(counts(log, { retentionMs: -1 }), [0, 0, 0])
  })

  it('takes the active segment too, but never an empty one', () => {
    assert.deepEqual(counts(log, { retentionMs: 0 }), [0, 0, 3])
    const rolled = logOf([
      [100, NOW - 60],
      [0, NOW - 60],
    ])
    assert.deepEqual(counts(rolled, { retentionMs: 0 }), [0, 0, 1])
  })

  it('stops at a segment that is kept, and tells of one that a timestamp yet to come keeps', () => {
    const pinned = logOf([
      [100, NOW + 1],
      [100, NOW - 60],
    ])
    const verdict = retentionVerdict(pinned, configOf({ retentionMs: 5 }), NOW)
    assert.equal(verdict.byTime, 0)
    assert.equal(verdict.pinned, pinned.segments[0])
    assert.equal(retentionVerdict(log, configOf({ retentionMs: 50 }), NOW).pinned, undefined)
  })

  it('waits while the clock is not believed; sizes and the log start do not', () => {
    const { byTime } = retentionVerdict(log, configOf({ retentionMs: 0 }), undefined)
    assert.equal(byTime, 0)
    const all = retentionVerdict({ ...log, logStartOffset: 10 }, configOf({ retentionMs: 0, retentionBytes: 100 }))
    assert.deepEqual([all.byLogStart, all.bySize, all.byTime], [1, 1, 0])
  })
})

describe('retention by size', () => {
  const log = logOf([
    [100, -1],
    [100, -1],
    [100, -1],
  ])

  it('never goes below what is to be kept', () => {
    assert.deepEqual(counts(log, { retentionBytes: 100 }), [0, 2, 0])
    assert.deepEqual(counts(log, { retentionBytes: 101 }), [0, 1, 0])
    assert.deepEqual(counts(log, { retentionBytes: 300 }), [0, 0, 0])
    assert.deepEqual(counts(log, { retentionBytes: -1 }), [0, 0, 0])
  })

  it('with 0 takes everything', () => {
    assert.deepEqual(counts(log, { retentionBytes: 0 }), [0, 3, 0])
  })
})

describe('retention', () => {
  it('by the log start takes segments that lie before it as a whole, never the active one', () => {
    const log = logOf([
      [100, 5],
      [100, 5],
      [100, 5],
    ])
    assert.deepEqual(counts({ ...log, logStartOffset: 19 }, {}), [1, 0, 0])
    assert.deepEqual(counts({ ...log, logStartOffset: 20 }, {}), [2, 0, 0])
    assert.deepEqual(counts({ ...log, logStartOffset: 30 }, {}), [2, 0, 0])
  })

  it('without delete in the policy goes by the log start alone', () => {
    const log = logOf(
      [
        [100, 5],
        [100, 5],
        [100, 5],
      ],
      { logStartOffset: 10 },
    )
    assert.deepEqual(counts(log, { cleanupPolicy: ['compact'], retentionMs: 0, retentionBytes: 0 }), [1, 0, 0])
    assert.deepEqual(counts(log, { cleanupPolicy: [], retentionMs: 0, retentionBytes: 0 }), [1, 0, 0])
    assert.deepEqual(counts(log, { cleanupPolicy: ['compact', 'delete'], retentionMs: 0 }), [1, 0, 2])
  })

  it('does not touch what is not durable', () => {
    const log = logOf([[100, 5]], { highWatermark: 9 })
    assert.deepEqual(counts(log, { retentionMs: 0, retentionBytes: 0 }), [0, 0, 0])
  })

  it('keeps what the config says, of any log, and nothing that it could remove', () => {
    const segment = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: NOW - 100, max: NOW + 10 }))
    const config = fc.record(
      { retentionMs: fc.integer({ min: -1, max: 110 }), retentionBytes: fc.integer({ min: -1, max: 300 }) },
      { noNullPrototype: true },
    )
    const logs = fc.array(segment, { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(logs, fc.nat(90), config, (facts, start, { retentionMs, retentionBytes }) => {
        const whole = logOf(facts)
        const log = { ...whole, logStartOffset: Math.min(start, whole.logEndOffset) }
        const [byLogStart = 0, bySize = 0, byTime = 0] = counts(log, { retentionMs, retentionBytes })
        const young = (kept: RetainedSegment | undefined) => kept && NOW - kept.largestTimestamp <= retentionMs
        const removed = log.segments.slice(0, byLogStart + bySize + byTime)
        const left = log.segments.slice(removed.length)
        const bytes = left.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
        removed.slice(byLogStart + bySize).forEach((gone) => assert.ok(retentionMs >= 0 && !young(gone)))
        for (const { baseOffset } of removed.slice(0, byLogStart)) assert.ok(baseOffset + 10 <= log.logStartOffset)
        const timed = log.segments.slice(byLogStart + bySize).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
        if (bySize > 0) assert.ok(retentionBytes >= 0 && timed >= retentionBytes)
        const [first, second] = left
        if (!first) return
        assert.ok(retentionMs < 0 || young(first), 'the oldest that is left is young')
        if (byTime === 0 && retentionBytes >= 0) assert.ok(bytes - first.sizeBytes < retentionBytes)
        if (removed.length === byLogStart && second) assert.ok(second.baseOffset > log.logStartOffset)
      }),
    )
  })
})

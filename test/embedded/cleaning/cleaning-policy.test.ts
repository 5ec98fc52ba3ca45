import assert from 'node:assert/strict'
import test from 'node:test'
import {
  assessLog,
  dirtiest,
  isDue,
  type CleanableLog,
  type CleanableSegment,
} from '../../../src/embedded/cleaning/cleaning-policy.ts'

const NOW = 1_700_000_000_000
const LONG_MAX = 2 ** 63
const none = { minCompactionLagMs: 0, maxCompactionLagMs: LONG_MAX }

function segment(baseOffset: number, sizeBytes: number, timestamp = NOW - 100_000): CleanableSegment {
  return { baseOffset, sizeBytes, maxTimestamp: timestamp, firstTimestamp: timestamp, createdMs: NOW - 90_000 }
}

/** Three segments of 100 bytes and 10 offsets, and an active one. */
function logOf(options: Partial<CleanableLog> = {}): CleanableLog {
  const segments = [segment(0, 100), segment(10, 100), segment(20, 100), segment(30, 1000)]
  const offsets = { firstDirtyOffset: 0, logStartOffset: 0, highWatermark: 35, untouchableFrom: Infinity }
  return { segments, ...offsets, ...options }
}

test('all but the active segment can be cleaned', () => {
  assert.deepEqual(assessLog(logOf(), none, NOW), {
    firstDirtyOffset: 0,
    firstUncleanableOffset: 30,
    cleanBytes: 0,
    cleanableBytes: 300,
    dirtyRatio: 1,
    isOverdue: false,
  })
  const alone = assessLog(logOf({ segments: [segment(0, 1000)] }), none, NOW)
  assert.deepEqual([alone.cleanableBytes, alone.dirtyRatio, alone.firstUncleanableOffset], [0, 0, 0])
})

test('the ratio is that of the dirty bytes to all that would be read; a segment cleaned in part counts twice, as in Kafka', () => {
  const ratioFrom = (firstDirtyOffset: number) => assessLog(logOf({ firstDirtyOffset }), none, NOW).dirtyRatio
  assert.equal(ratioFrom(10), 200 / 300)
  assert.equal(ratioFrom(20), 100 / 300)
  assert.equal(ratioFrom(30), 0)
  assert.equal(ratioFrom(15), 200 / 400)
})

test('the first dirty offset is the log start where it lies before it or beyond the end', () => {
  const dirtyOf = (options: Partial<CleanableLog>) => assessLog(logOf(options), none, NOW).firstDirtyOffset
  assert.equal(dirtyOf({ firstDirtyOffset: 5, logStartOffset: 12 }), 12)
  assert.equal(dirtyOf({ firstDirtyOffset: 36 }), 0)
  assert.equal(dirtyOf({ firstDirtyOffset: 35 }), 35)
})

test('nothing is cleaned of the segment that holds the bound, nor behind it', () => {
  const until = (untouchableFrom: number) => assessLog(logOf({ untouchableFrom }), none, NOW).firstUncleanableOffset
  assert.deepEqual([until(0), until(9), until(10), until(19), until(25), until(30)], [0, 0, 10, 10, 20, 30])
})

test('min.compaction.lag.ms protects from the first dirty segment on that has a younger record', () => {
  const young = logOf({ segments: [segment(0, 100), segment(10, 100, NOW - 999), segment(20, 100), segment(30, 9)] })
  const until = (minCompactionLagMs: number) =>
    assessLog(young, { ...none, minCompactionLagMs }, NOW).firstUncleanableOffset
  assert.equal(until(0), 30)
  assert.equal(until(999), 30)
  assert.equal(until(1000), 10)
  const beyond = assessLog({ ...young, firstDirtyOffset: 20 }, { ...none, minCompactionLagMs: 1000 }, NOW)
  assert.equal(beyond.firstUncleanableOffset, 30)
})

test('without timestamps a segment is as young as the one behind it is old', () => {
  const log = logOf({ segments: [segment(0, 100, -1), segment(10, 100)] })
  const until = (minCompactionLagMs: number) =>
    assessLog(log, { ...none, minCompactionLagMs }, NOW).firstUncleanableOffset
  assert.deepEqual([until(90_000), until(90_001)], [10, 0])
})

test('max.compaction.lag.ms makes a log due whatever its ratio', () => {
  const log = logOf({ firstDirtyOffset: 20 })
  const due = (maxCompactionLagMs: number) =>
    isDue(assessLog(log, { ...none, maxCompactionLagMs }, NOW), { minCleanableDirtyRatio: 0.5 })
  assert.equal(due(LONG_MAX), false)
  assert.equal(due(100_000), false)
  assert.equal(due(99_999), true)
  const clean = assessLog(logOf({ firstDirtyOffset: 30 }), { ...none, maxCompactionLagMs: 1 }, NOW)
  assert.equal(isDue(clean, { minCleanableDirtyRatio: 0 }), false)
})

test('the ratio has to be above the least, not at it', () => {
  const dirtiness = assessLog(logOf({ firstDirtyOffset: 15 }), none, NOW)
  assert.equal(isDue(dirtiness, { minCleanableDirtyRatio: 0.5 }), false)
  assert.equal(isDue(dirtiness, { minCleanableDirtyRatio: 0.49 }), true)
})

test('the dirtiest comes first', () => {
  const candidates = [20, 0, 10].map((firstDirtyOffset) => {
    return { firstDirtyOffset, dirtiness: assessLog(logOf({ firstDirtyOffset }), none, NOW) }
  })
  assert.equal(dirtiest(candidates)?.firstDirtyOffset, 0)
  assert.equal(dirtiest([]), undefined)
})

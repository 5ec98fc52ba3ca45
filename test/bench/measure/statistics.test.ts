import assert from 'node:assert/strict'
import { test } from 'node:test'
import { median, ratioOfNeighbours, spreadPercent, sumKnown } from '../../../bench/measure/statistics.ts'

test('the median is the middle one, or between the two in the middle, in whatever order they come', () => {
  assert.equal(median([9, 1, 5]), 5)
  assert.equal(median([4, 1, 3, 100]), 3.5)
  assert.equal(median([]), 0)
})

test('the spread is from lowest to highest, of the median', () => {
  assert.equal(spreadPercent([90, 100, 120]), 30)
  assert.equal(spreadPercent([7]), 0)
  assert.equal(spreadPercent([0, 0]), 0)
})

test('ratios are those of neighbours, so a machine that slows down for both changes nothing', () => {
  const ratio = ratioOfNeighbours([80, 40, 8], [100, 50, 10], 'no-op')
  assert.deepEqual(ratio, { median: 0.8, lowest: 0.8, highest: 0.8, to: 'no-op' })
})

test('a neighbour without a figure is left out', () => {
  assert.deepEqual(ratioOfNeighbours([5, 6, 7], [10, 0], 'x'), { median: 0.5, lowest: 0.5, highest: 0.5, to: 'x' })
  assert.equal(ratioOfNeighbours([5], [], 'x').median, 0)
})

test('a sum with an unknown in it is unknown', () => {
  assert.equal(sumKnown([1, 2]), 3)
  assert.equal(sumKnown([1, undefined]), undefined)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { boundedBy, standingOf } from '../../../src/http/sse/stream-positions.ts'

const at = (...offsets: readonly number[]) => offsets.map((offset, partition) => ({ partition, offset }))

test('a stand is the same, behind, or ahead in some partition', () => {
  assert.equal(standingOf(at(1, 2), at(1, 2)), 'same')
  assert.equal(standingOf(at(1, 1), at(1, 2)), 'behind')
  assert.equal(standingOf(at(0, 3), at(1, 2)), 'ahead')
  assert.equal(standingOf(at(1), at(1, 0)), 'behind')
  assert.equal(standingOf(at(1, 0), at(1)), 'ahead')
})

test('positions go no further than their bound', () => {
  assert.deepEqual(boundedBy(at(5, 1), at(3, 3)), at(3, 1))
})

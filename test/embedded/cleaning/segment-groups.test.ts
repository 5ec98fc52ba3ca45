import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { groupSegments } from '../../../src/embedded/cleaning/segment-groups.ts'

function segmentsOf(...pairs: readonly (readonly [baseOffset: number, sizeBytes: number])[]) {
  return pairs.map(([baseOffset, sizeBytes]) => ({ baseOffset, sizeBytes }))
}

function basesOf(groups: readonly (readonly { readonly baseOffset: number }[])[]): number[][] {
  return groups.map((group) => group.map(({ baseOffset }) => baseOffset))
}

test('neighbours become one as long as their sizes fit a segment', () => {
  const segments = segmentsOf([0, 40], [10, 60], [20, 1], [30, 99], [40, 100], [50, 150], [60, 0])
  assert.deepEqual(basesOf(groupSegments(segments, 100, 70)), [[0, 10], [20, 30], [40], [50], [60]])
})

test('no new segment spans more offsets than 31 bits count', () => {
  const segments = segmentsOf([0, 1], [100, 1], [2 ** 31, 1])
  assert.deepEqual(basesOf(groupSegments(segments, 100, 2 ** 31 + 5)), [[0, 100], [2 ** 31]])
  assert.deepEqual(basesOf(groupSegments(segmentsOf([0, 1], [100, 1]), 100, 2 ** 31)), [[0, 100]])
  assert.deepEqual(basesOf(groupSegments(segmentsOf([0, 1], [100, 1]), 100, 2 ** 31 + 1)), [[0], [100]])
})

test('every segment is in one group, in order, and no group could take the next one', () => {
  const anySizes = fc.array(fc.nat(120), { maxLength: 30 })
  fc.assert(
    fc.property(anySizes, (sizes) => {
      const segments = sizes.map((sizeBytes, place) => ({ baseOffset: place * 10, sizeBytes }))
      const groups = groupSegments(segments, 100, sizes.length * 10)
      assert.deepEqual(groups.flat(), segments)
      const bytes = groups.map((group) => group.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
      for (const [place, group] of groups.entries()) {
        assert.ok(group.length === 1 || (bytes[place] ?? 0) <= 100)
        const next = groups[place + 1]?.[0]
        if (next) assert.ok((bytes[place] ?? 0) + next.sizeBytes > 100)
      }
    }),
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PartitionsOfTopic } from '../../../src/broker/group-membership.ts'
import { common, countOf, union, without } from '../../../src/kafka/groups/partition-sets.ts'

const sets = fc.array(
  fc.record({ topicId: fc.constantFrom('a', 'b', 'c'), partitions: fc.array(fc.nat({ max: 9 }), { maxLength: 6 }) }),
  { maxLength: 4 },
)

function textsOf(set: readonly PartitionsOfTopic[]): string[] {
  return set.flatMap(({ topicId, partitions }) => partitions.map((partition) => `${topicId}${partition}`))
}

function inOrder(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort((a, b) => (a < b ? -1 : 1))
}

test('partitions of topics are sets, listed in order', () => {
  fc.assert(
    fc.property(sets, sets, (left, right) => {
      const [one, other] = [new Set(textsOf(left)), new Set(textsOf(right))]
      const [mine, theirs] = [union(left), union(right)]
      assert.deepEqual(textsOf(union(left, right)), inOrder([...one, ...other]))
      assert.deepEqual(textsOf(without(mine, theirs)), inOrder([...one].filter((text) => !other.has(text))))
      assert.deepEqual(textsOf(common(mine, theirs)), inOrder([...one].filter((text) => other.has(text))))
      assert.equal(countOf(mine), one.size)
    }),
  )
})

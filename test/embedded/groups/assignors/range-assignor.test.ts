import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assignRange } from '../../../../src/embedded/groups/assignors/range-assignor.ts'

function assign(memberCount: number, topics: readonly (readonly [number, readonly number[]])[]): number[] {
  const count = topics.reduce((sum, [partitions]) => sum + partitions, 0)
  const described = topics.map(([partitionCount, subscribers]) => ({
    partitionCount,
    subscribers: Int32Array.from(subscribers),
  }))
  return [...assignRange({ memberCount, topics: described, previous: new Int32Array(count).fill(-1) })]
}

test("Kafka's examples", () => {
  const two = [0, 1]
  assert.deepEqual(assign(2, [[3, two] as const, [3, two] as const]), [0, 0, 1, 0, 0, 1])
  const three = [0, 1, 2]
  assert.deepEqual(assign(3, [[7, three] as const, [2, three] as const]), [0, 0, 0, 1, 1, 2, 2, 0, 1])
})

test('topics with as many partitions are co-partitioned, whatever lies between', () => {
  const owners = assign(3, [
    [8, [0, 1, 2]],
    [3, [1]],
    [8, [0, 1, 2]],
  ])
  assert.deepEqual(owners.slice(0, 8), owners.slice(11))
  assert.deepEqual(owners.slice(8, 11), [1, 1, 1])
})

test('members beyond the number of partitions own nothing; nobody owns what nobody asked for', () => {
  const crowd = [0, 1, 2]
  assert.deepEqual(assign(3, [[2, crowd] as const, [2, []] as const]), [0, 1, -1, -1])
})

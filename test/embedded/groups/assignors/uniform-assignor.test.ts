import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { AssignorInput } from '../../../../src/embedded/groups/assignors/assignor.ts'
import { assignUniform } from '../../../../src/embedded/groups/assignors/uniform-assignor.ts'

const nobody = (count: number): Int32Array => new Int32Array(count).fill(-1)
const everybody = (memberCount: number): Int32Array => Int32Array.from({ length: memberCount }, (_, member) => member)
const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0)

/** A group whose members all have the same subscription. */
function alike(memberCount: number, counts: readonly number[], previous = nobody(total(counts))): AssignorInput {
  const subscribers = everybody(memberCount)
  return { memberCount, topics: counts.map((partitionCount) => ({ partitionCount, subscribers })), previous }
}

function loadsOf(owners: Int32Array, memberCount: number): number[] {
  const loads = Array.from({ length: memberCount }, () => 0)
  for (const owner of owners) if (owner >= 0) loads[owner]!++
  return loads
}

const movedFrom = (before: Int32Array, after: Int32Array): number =>
  before.reduce((moved, owner, partition) => (owner >= 0 && owner !== after[partition] ? moved + 1 : moved), 0)

function assertBalanced({ memberCount, topics }: AssignorInput, owners: Int32Array): void {
  const loads = loadsOf(owners, memberCount)
  let partition = 0
  for (const { partitionCount, subscribers } of topics) {
    for (const end = partition + partitionCount; partition < end; partition++) {
      const owner = owners[partition]!
      assert.equal(owner >= 0, subscribers.length > 0)
      if (owner < 0) continue
      assert.ok(subscribers.includes(owner))
      for (const member of subscribers) assert.ok(loads[owner]! <= loads[member]! + 1)
    }
  }
}

const groups = fc.record({
  memberCount: fc.integer({ min: 1, max: 12 }),
  counts: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 }),
})

test('with equal subscriptions all numbers are within one', () => {
  fc.assert(
    fc.property(groups, ({ memberCount, counts }) => {
      const loads = loadsOf(assignUniform(alike(memberCount, counts)), memberCount)
      assert.equal(total(loads), total(counts))
      assert.ok(Math.max(...loads) - Math.min(...loads) <= 1)
    }),
  )
})

test('a new topic spreads over all members', () => {
  const owners = assignUniform(alike(4, [4, 8]))
  assert.deepEqual(loadsOf(owners.subarray(0, 4), 4), [1, 1, 1, 1])
  assert.deepEqual(loadsOf(owners.subarray(4), 4), [2, 2, 2, 2])
})

test('a member that joins takes its share, and nothing else moves', () => {
  fc.assert(
    fc.property(groups, ({ memberCount, counts }) => {
      const before = assignUniform(alike(memberCount, counts))
      const after = assignUniform(alike(memberCount + 1, counts, before))
      const share = loadsOf(after, memberCount + 1)[memberCount]!
      assert.equal(movedFrom(before, after), share)
      assert.ok(share <= Math.ceil(total(counts) / (memberCount + 1)))
    }),
  )
})

test('when a member leaves only what it had moves', () => {
  fc.assert(
    fc.property(groups, fc.nat(), ({ memberCount, counts }, pick) => {
      const gone = pick % (memberCount + 1)
      const before = assignUniform(alike(memberCount + 1, counts))
      const renumbered = before.map((owner) => (owner === gone ? -1 : owner > gone ? owner - 1 : owner))
      const after = assignUniform(alike(memberCount, counts, renumbered))
      assertBalanced(alike(memberCount, counts), after)
      assert.equal(movedFrom(renumbered, after), 0)
    }),
  )
})

const mixed = fc
  .record({
    memberCount: fc.integer({ min: 1, max: 8 }),
    topics: fc.array(fc.record({ partitionCount: fc.integer({ min: 1, max: 12 }), who: fc.nat(255) }), {
      minLength: 1,
      maxLength: 6,
    }),
    seed: fc.array(fc.nat(), { minLength: 72, maxLength: 72 }),
  })
  .map(({ memberCount, topics, seed }): AssignorInput => {
    const previous: number[] = []
    const described = topics.map(({ partitionCount, who }) => {
      const subscribers = everybody(memberCount).filter((member) => ((who >> member) & 1) === 1)
      for (let partition = 0; partition < partitionCount; partition++) {
        const owner = seed[previous.length]! % (subscribers.length + 1)
        previous.push(subscribers[owner] ?? -1)
      }
      return { partitionCount, subscribers }
    })
    return { memberCount, topics: described, previous: Int32Array.from(previous) }
  })

test('with any subscriptions, nobody has two more than another one that could take of it; again, nothing moves', () => {
  fc.assert(
    fc.property(mixed, (input) => {
      const owners = assignUniform(input)
      assertBalanced(input, owners)
      assert.deepEqual(assignUniform({ ...input, previous: owners }), owners)
    }),
    { numRuns: 1_000 },
  )
})

test('who has too many for one topic gives up others where it can', () => {
  const topics = [
    { partitionCount: 4, subscribers: Int32Array.of(0) },
    { partitionCount: 4, subscribers: Int32Array.of(0, 1) },
  ]
  const owners = assignUniform({ memberCount: 2, topics, previous: new Int32Array(8) })
  assert.deepEqual([...owners], [0, 0, 0, 0, 1, 1, 1, 1])
})

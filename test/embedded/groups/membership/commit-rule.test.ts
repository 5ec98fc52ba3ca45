import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mayCommit } from '../../../../src/embedded/groups/membership/commit-rule.ts'

test('an epoch counts from the one at which a partition was acquired to the present one', () => {
  const current = {
    epoch: 7,
    previousEpoch: 6,
    state: 'unrevoked' as const,
    assigned: new Map([['t', new Map([[0, 4]])]]),
    revoking: new Map([['t', new Map([[1, 6]])]]),
  }
  const epochsOf = (partition: number): number[] =>
    [3, 4, 5, 6, 7, 8].filter((epoch) => mayCommit(current, epoch, 't', partition))
  assert.deepEqual(epochsOf(0), [4, 5, 6, 7])
  assert.deepEqual(epochsOf(1), [6, 7])
  assert.deepEqual(epochsOf(2), [])
  assert.equal(mayCommit(current, 7, 'u', 0), false)
})

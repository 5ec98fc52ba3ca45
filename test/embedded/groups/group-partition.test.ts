import assert from 'node:assert/strict'
import { test } from 'node:test'
import { groupPartition } from '../../../src/embedded/groups/group-partition.ts'

// What Kafka 4.3's Utils.abs(group.hashCode()) % 50 gives.
test('groups go where Kafka puts them', () => {
  assert.equal(groupPartition('group', 50), 47)
  assert.equal(groupPartition('orders-service', 50), 17)
  assert.equal(groupPartition('a', 50), 47)
  assert.equal(groupPartition('console-consumer-12345', 50), 6)
  assert.equal(groupPartition('', 50), 0)
})

test('the smallest hash counts as 0', () => {
  // Its hashCode is −2147483648, which has no positive counterpart.
  assert.equal(groupPartition('polygenelubricants', 7), 0)
})

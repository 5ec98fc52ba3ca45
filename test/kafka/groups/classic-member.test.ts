import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classicAssignment, classicSubscription } from '../../../src/kafka/groups/classic-member.ts'

/** As Kafka's consumer writes them: version 1; the topics `orders` and `a`; `orders` with its partitions 2 and 0. */
const subscription = Buffer.from('00010000000200066f7264657273000161ffffffff00000000', 'hex')
const assignment = Buffer.from('00010000000100066f7264657273000000020000000200000000ffffffff', 'hex')

test('what classic consumers say of themselves is read', () => {
  assert.deepEqual(classicSubscription(subscription), ['orders', 'a'])
  assert.deepEqual(classicAssignment(assignment), [{ topic: 'orders', partitions: [2, 0] }])
})

test('what is something else, or cut, is told as nothing', () => {
  assert.deepEqual(classicSubscription(Buffer.alloc(0)), [])
  for (let length = 1; length < 17; length++)
    assert.deepEqual(classicSubscription(subscription.subarray(0, length)), [])
  for (let length = 1; length < 26; length++) assert.deepEqual(classicAssignment(assignment.subarray(0, length)), [])
  assert.deepEqual(classicAssignment(Buffer.from('0001ffffffff', 'hex')), [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { checkTopicName, refuseInternalTopic } from '../../src/broker/topic-name.ts'

test('Kafka’s legal names pass', () => {
  for (const name of ['orders', 'a.b', 'a_b', 'A-9', '...', 'x'.repeat(249)]) checkTopicName(name)
})

test('every other name is refused with its fault', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /empty/],
    ['.', /must not be/],
    ['..', /must not be/],
    ['x'.repeat(250), /250 characters/],
    ['a b', /only ASCII/],
    ['a/b', /only ASCII/],
    ['a\u0000b', /only ASCII/],
    ['órdenes', /only ASCII/],
    ['orders\n', /only ASCII/],
  ]
  for (const [name, detail] of cases) {
    assert.throws(
      () => checkTopicName(name),
      (error) => error instanceof BrokerError && error.code === 'INVALID_TOPIC_EXCEPTION' && detail.test(error.message),
      JSON.stringify(name),
    )
  }
})

test('names that begin with two underscores are kept for the server', () => {
  refuseInternalTopic('_orders')
  assert.throws(() => refuseInternalTopic('__consumer_offsets'), BrokerError)
})

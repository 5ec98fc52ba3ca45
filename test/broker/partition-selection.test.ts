import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { parsePartitions } from '../../src/broker/partition-selection.ts'

test('numbers and ranges, in any order, each once', () => {
  assert.deepEqual(parsePartitions('3', 'orders', 8), [3])
  assert.deepEqual(parsePartitions('5,0-2,1-3', 'orders', 8), [0, 1, 2, 3, 5])
})

test('what is no selection is refused; so is a partition that is not there', () => {
  for (const text of ['', ',', '1,', 'a', '-1', '3-1', '1-', '1 2', '99999999999']) {
    assert.throws(
      () => parsePartitions(text, 'orders', 8),
      (error) => error instanceof BrokerError && error.code === 'INVALID_REQUEST',
      text,
    )
  }
  for (const text of ['8', '0-8', '7-999999999']) {
    assert.throws(
      () => parsePartitions(text, 'orders', 8),
      (error) => error instanceof BrokerError && error.code === 'UNKNOWN_TOPIC_OR_PARTITION',
      text,
    )
  }
})

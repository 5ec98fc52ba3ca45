import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonBody, orderValue, recordBatch } from '../../bench/bodies.ts'
import { batchSizeBytes, checkBatch } from '../../src/codec/record-batch.ts'
import { decodeBatch } from '../support/record-spans.ts'

test('values are 100 bytes of JSON, whatever their number', () => {
  for (const number of [0, 7, 999_999, 123_456_789]) {
    assert.equal(orderValue(number).length, 100)
    assert.equal((JSON.parse(orderValue(number)) as { order: number }).order, number)
  }
})

test('a ready-made batch is valid and holds the records of the JSON body', () => {
  const batch = recordBatch(50)
  assert.equal(checkBatch(batch, 0, batch.length), 'valid')
  assert.equal(batchSizeBytes(batch, 0), batch.length)
  const { records } = JSON.parse(jsonBody(50)) as { records: { key: string; value: unknown }[] }
  assert.deepEqual(
    decodeBatch(batch).map(({ key, value }) => ({ key: key?.toString(), value: JSON.parse(String(value)) as unknown })),
    records,
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonBodies, jsonBody, orderValue, recordBatch } from '../../bench/bodies.ts'
import { partitionForKey } from '../../src/broker/partitioner.ts'
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

for (const recordCount of [1, 100, 1000]) {
  test(`requests of ${recordCount} records have bodies of one length, and write to all of 6 partitions alike`, () => {
    const bodies = jsonBodies(recordCount)
    assert.equal(new Set(bodies.map(({ length }) => length)).size, 1)
    const keys = bodies.flatMap((body) =>
      (JSON.parse(body) as { records: { key: string }[] }).records.map(({ key }) => key),
    )
    assert.equal(new Set(keys).size, bodies.length * recordCount)
    const counts = Array.from({ length: 6 }, () => 0)
    for (const key of keys) {
      const partition = partitionForKey(Buffer.from(key), 0, key.length, 6)
      counts[partition] = (counts[partition] ?? 0) + 1
    }
    const even = keys.length / 6
    assert.ok(Math.min(...counts) > even / 2 && Math.max(...counts) < even * 2, String(counts))
  })
}

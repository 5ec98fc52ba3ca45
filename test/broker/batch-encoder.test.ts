import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { BatchEncoder, loneBatchSize } from '../../src/broker/batch-encoder.ts'
import { checkBatch } from '../../src/codec/record-batch.ts'
import { anyRecord, columnsOf, decodeBatch, encodeBatch, type PlainRecord } from '../support/record-spans.ts'

const anyPlacedRecord = fc
  .tuple(anyRecord, fc.nat({ max: 5 }))
  .map(([record, partition]): PlainRecord & { readonly partition: number } => ({ ...record, partition }))

const encoder = new BatchEncoder()

test('each partition gets its records in order, in batches within the limit and as large as they can be', () => {
  const anyRequest = fc.tuple(
    fc.array(anyPlacedRecord, { minLength: 1, maxLength: 40 }),
    fc.oneof(fc.integer({ min: 1200, max: 4000 }), fc.constant(1_048_588)),
  )
  fc.assert(
    fc.property(anyRequest, ([records, maxBytes]) => {
      const columns = columnsOf(records)
      fc.pre(records.every((_, i) => loneBatchSize(columns, i) <= maxBytes))
      const parts = encoder.encode(columns, 6, maxBytes)
      assert.deepEqual(
        parts.map((part) => part.partition),
        [...new Set(records.map((record) => record.partition))],
      )
      for (const { partition, batches } of parts) {
        const own = records.filter((record) => record.partition === partition)
        for (const batch of batches) {
          assert.equal(checkBatch(batch.bytes, 0, batch.bytes.length), 'valid')
          assert(batch.bytes.length <= maxBytes)
          const taken = own.splice(0, batch.recordCount)
          assert.deepEqual(batch.bytes, encodeBatch(taken))
          assert.equal(batch.maxTimestamp, Math.max(...taken.map((record) => record.timestamp ?? -1)))
          if (own.length > 0) assert(encodeBatch([...taken, own[0]!]).length > maxBytes)
        }
        assert.equal(own.length, 0)
      }
    }),
    { numRuns: 150 },
  )
})

test('a batch may be exactly as large as the limit', () => {
  const records = ['a', 'b'].map((value) => ({ key: null, value: Buffer.from(value), timestamp: 1, partition: 0 }))
  const sizeBytes = encodeBatch(records).length
  const batchesWithin = (limit: number) => encoder.encode(columnsOf(records), 1, limit)[0]?.batches.length
  assert.equal(batchesWithin(sizeBytes), 1)
  assert.equal(batchesWithin(sizeBytes - 1), 2)
})

test('one record is one batch of the size foretold', () => {
  fc.assert(
    fc.property(anyPlacedRecord, (record) => {
      const columns = columnsOf([record])
      const [part, ...others] = encoder.encode(columns, 6, loneBatchSize(columns, 0))
      assert.equal(others.length, 0)
      assert.equal(part?.partition, record.partition)
      assert.deepEqual(
        part?.batches.map((batch) => batch.bytes),
        [encodeBatch([record])],
      )
      assert.equal(loneBatchSize(columns, 0), encodeBatch([record]).length)
    }),
  )
})

test('more records and partitions than before', () => {
  const records = Array.from({ length: 5000 }, (_, i) => ({
    key: null,
    value: Buffer.from(String(i)),
    timestamp: i,
    partition: i % 1000,
  }))
  const parts = new BatchEncoder().encode(columnsOf(records), 1000, 1_000_000)
  assert.equal(parts.length, 1000)
  assert.deepEqual(
    decodeBatch(parts[999]!.batches[0]!.bytes).map((record) => record.value?.toString()),
    ['999', '1999', '2999', '3999', '4999'],
  )
})

test('a record that fits no batch should have been refused before', () => {
  const records = [{ key: null, value: Buffer.alloc(100), timestamp: 1, partition: 0 }]
  assert.throws(() => encoder.encode(columnsOf(records), 1, 100), { name: 'AssertionError' })
  assert.throws(() => encoder.encode(columnsOf([...records, ...records]), 1, 100), { name: 'AssertionError' })
  assert.equal(encoder.encode(columnsOf([...records, ...records]), 1, 1000)[0]?.batches.length, 1)
})

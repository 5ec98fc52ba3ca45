import assert from 'node:assert/strict'
import test from 'node:test'
import { Reader, readRecordsBatch } from '@platformatic/kafka'
import * as fc from 'fast-check'
import { checkBatch, maxTimestamp } from '../../src/codec/record-batch.ts'
import { RecordBatchWriter, firstRecordSize } from '../../src/codec/record-batch-writer.ts'
import { anyRecord, columnsOf, decodeBatch, encodeBatch } from '../support/record-spans.ts'

const anyRecords = fc.array(anyRecord, { minLength: 1, maxLength: 20 })

test('what is written is read back, with dense offsets', () => {
  fc.assert(
    fc.property(anyRecords, (records) => {
      const bytes = encodeBatch(records)
      assert.equal(checkBatch(bytes, 0, bytes.length), 'valid')
      assert.equal(maxTimestamp(bytes, 0), Math.max(...records.map((record) => record.timestamp)))
      assert.deepEqual(
        decodeBatch(bytes),
        records.map((record, offset) => ({ ...record, offset })),
      )
    }),
  )
})

// Its reader and writer are right only while timestamp deltas stay within 30 bits.
const nearRecords = fc.array(
  fc.tuple(anyRecord, fc.integer({ min: 1_700_000_000_000, max: 1_700_500_000_000 })).map(([record, timestamp]) => ({
    ...record,
    timestamp,
  })),
  { minLength: 1, maxLength: 20 },
)

test('another implementation reads the same records', () => {
  fc.assert(
    fc.property(nearRecords, (records) => {
      const read = readRecordsBatch(Reader.from(encodeBatch(records)))
      assert.equal(read.magic, 2)
      assert.equal(read.lastOffsetDelta, records.length - 1)
      assert.deepEqual(
        read.records.map((record) => ({
          key: record.key,
          value: record.value,
          timestamp: Number(read.firstTimestamp + record.timestampDelta),
          headers: record.headers.map(([name, value]) => ({ name, value })),
        })),
        records,
      )
    }),
  )
})

test('a batch never grows beyond its limit, and a refused record leaves no trace', () => {
  fc.assert(
    fc.property(anyRecords, fc.integer({ min: 61, max: 1000 }), (records, maxBytes) => {
      const columns = columnsOf(records)
      const writer = new RecordBatchWriter(0, maxBytes)
      const taken = records.filter((_, i) => {
        const expected = writer.sizeBytes + writer.sizeOf(columns, i)
        const fits = writer.append(columns, i)
        assert.equal(fits, expected <= maxBytes)
        if (fits) assert.equal(writer.sizeBytes, expected)
        return fits
      })
      if (taken.length > 0) assert.deepEqual(writer.seal().bytes, encodeBatch(taken))
    }),
  )
})

test('firstRecordSize is exact', () => {
  fc.assert(
    fc.property(anyRecord, (record) => {
      assert.equal(encodeBatch([record]).length, 61 + firstRecordSize(columnsOf([record]), 0))
    }),
  )
})

test('an empty batch cannot be sealed', () => {
  assert.throws(() => new RecordBatchWriter(100).seal(), { name: 'AssertionError' })
})

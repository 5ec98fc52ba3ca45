import assert from 'node:assert/strict'
import test from 'node:test'
import { createRecordsBatch, Reader, readRecordsBatch } from '@platformatic/kafka'
import * as fc from 'fast-check'
import {
  compressBatch,
  compressBatchSync,
  compressionTypeOf,
  decompressBatch,
  decompressBatchSync,
} from '../../src/codec/compressed-batch.ts'
import { compressionTypes } from '../../src/codec/compression.ts'
import { CorruptBatchError, DecompressedTooLargeError } from '../../src/codec/corrupt-batch-error.ts'
import { assignOffsets, checkBatch, isLogAppendTime, setLogAppendTime } from '../../src/codec/record-batch.ts'
import { kafkaBatch, kafkaBatchNames } from '../support/kafka-batches.ts'
import { anyRecord, decodeBatch, encodeBatch } from '../support/record-spans.ts'

const anyRecords = fc.array(anyRecord, { minLength: 1, maxLength: 20 })

for (const type of compressionTypes) {
  test(`${type}: a batch comes back byte for byte, on and off the event loop`, async () => {
    await fc.assert(
      fc.asyncProperty(anyRecords, async (records) => {
        const plain = encodeBatch(records)
        const compressed = compressBatchSync(plain, type)
        assert.equal(checkBatch(compressed, 0, compressed.length), 'valid')
        assert.equal(compressionTypeOf(compressed, 0), type)
        assert.deepEqual(await compressBatch(plain, type), compressed)
        const shifted = Buffer.concat([Buffer.alloc(7, 0xee), compressed, Buffer.alloc(5, 0xee)])
        assert.deepEqual(decompressBatchSync(shifted, 7, plain.length), plain)
        assert.deepEqual(await decompressBatch(shifted, 7, plain.length), plain)
      }),
      { numRuns: 40 },
    )
  })
}

test('offsets, timestamps and attributes of a compressed batch stay', () => {
  const batch = compressBatchSync(encodeBatch([{ key: null, value: Buffer.alloc(500, 7), timestamp: 5 }]), 'zstd')
  setLogAppendTime(batch, 0, 1_700_000_000_000)
  assignOffsets(batch, 0, 4711, 3)
  const plain = decompressBatchSync(batch, 0, 1000)
  assert.equal(checkBatch(plain, 0, plain.length), 'valid')
  assert(isLogAppendTime(plain, 0))
  const [record] = decodeBatch(plain)
  assert.deepEqual([record?.offset, record?.timestamp], [4711, 1_700_000_000_000])
})

test('a batch that compaction emptied has nothing to decompress', () => {
  const batch = compressBatchSync(encodeBatch([{ key: null, value: null, timestamp: 0 }]), 'gzip').subarray(0, 61)
  batch.writeInt32BE(49, 8)
  batch.writeInt32BE(0, 57)
  const plain = decompressBatchSync(batch, 0, 0)
  assert.equal(checkBatch(plain, 0, plain.length), 'valid')
  assert.equal(compressionTypeOf(plain, 0), 'none')
})

test('faults name the place in the buffer they are in', async () => {
  const plain = encodeBatch([{ key: null, value: Buffer.alloc(100_000), timestamp: 0 }])
  for (const type of compressionTypes.slice(1)) {
    const batch = compressBatchSync(plain, type)
    const shifted = Buffer.concat([Buffer.alloc(100), batch])
    const inRecords = (error: unknown): boolean => error instanceof CorruptBatchError && error.position >= 161
    assert.throws(() => decompressBatchSync(shifted, 100, 99_999), DecompressedTooLargeError, type)
    await assert.rejects(decompressBatch(shifted, 100, 99_999), DecompressedTooLargeError, type)
    shifted.fill(0xff, 161, 170)
    assert.throws(() => decompressBatchSync(shifted, 100, 200_000), inRecords, type)
    await assert.rejects(decompressBatch(shifted, 100, 200_000), inRecords, type)
  }
})

test('batches of Kafka’s producer hold, decompressed, what it sends uncompressed', async () => {
  for (const name of kafkaBatchNames) {
    const plain = kafkaBatch('none', name)
    for (const type of compressionTypes) {
      const batch = kafkaBatch(type, name)
      assert.deepEqual(decompressBatchSync(batch, 0, plain.length), plain, `${name} ${type}`)
      assert.deepEqual(await decompressBatch(batch, 0, plain.length), plain, `${name} ${type}`)
    }
  }
})

test('another implementation reads what is written here, and what it writes is read here', () => {
  const values = Array.from({ length: 3000 }, (_, i) => Buffer.from(`{"order":${i},"total":${i % 17}}`))
  const records = values.map((value, i) => ({ key: null, value, timestamp: 1_700_000_000_000 + i }))
  const messages = records.map(({ value, timestamp }) => ({ topic: 't', value, timestamp: BigInt(timestamp) }))
  for (const type of compressionTypes) {
    const read = readRecordsBatch(Reader.from(compressBatchSync(encodeBatch(records), type)))
    assert.deepEqual(
      read.records.map(({ value }) => value),
      values,
      type,
    )
    const written = Buffer.from(createRecordsBatch(messages, { compression: type }).buffer)
    assert.equal(compressionTypeOf(written, 0), type)
    assert.deepEqual(
      decodeBatch(decompressBatchSync(written, 0, 1_000_000)).map(({ value }) => value),
      values,
      type,
    )
  }
})

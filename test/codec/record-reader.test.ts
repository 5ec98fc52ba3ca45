import assert from 'node:assert/strict'
import test from 'node:test'
import { createRecordsBatch } from '@platformatic/kafka'
import * as fc from 'fast-check'
import { CorruptBatchError } from '../../src/codec/corrupt-batch-error.ts'
import { checkBatch } from '../../src/codec/record-batch.ts'
import { readHeaders, readRecords } from '../../src/codec/record-reader.ts'
import { goldenBatch } from '../support/golden-batch.ts'
import { anyRecord, decodeBatch, encodeBatch } from '../support/record-spans.ts'

test('the worked example', () => {
  assert.deepEqual(decodeBatch(goldenBatch), [
    {
      offset: 42,
      timestamp: 1700000000000,
      key: Buffer.from('k1'),
      value: Buffer.from('hello'),
      headers: [{ name: Buffer.from('h1'), value: Buffer.from('v1') }],
    },
  ])
})

test('batches of another implementation are valid and read as what went in', () => {
  const anyMessages = fc.array(
    fc.record({
      key: fc.uint8Array({ maxLength: 100 }),
      value: fc.uint8Array({ maxLength: 300 }),
      timestamp: fc.integer({ min: 1_700_000_000_000, max: 1_700_500_000_000 }),
    }),
    { minLength: 1, maxLength: 20 },
  )
  fc.assert(
    fc.property(anyMessages, (messages) => {
      const written = createRecordsBatch(
        messages.map(({ key, value, timestamp }) => ({
          topic: 't',
          key: Buffer.from(key),
          value: Buffer.from(value),
          headers: new Map([[Buffer.from('name'), Buffer.from(key)]]),
          timestamp: BigInt(timestamp),
        })),
      ).buffer
      assert.equal(checkBatch(written, 0, written.length), 'valid')
      assert.deepEqual(
        decodeBatch(written),
        messages.map(({ key, value, timestamp }, offset) => ({
          offset,
          timestamp,
          key: Buffer.from(key),
          value: Buffer.from(value),
          headers: [{ name: Buffer.from('name'), value: Buffer.from(key) }],
        })),
      )
    }),
  )
})

test('the sink stops the walk', () => {
  const bytes = encodeBatch([1, 2, 3].map((n) => ({ key: null, value: Buffer.from([n]), timestamp: n })))
  const offsets: number[] = []
  const all = readRecords(bytes, 0, {
    record(offset) {
      offsets.push(offset)
      return offset < 1
    },
  })
  assert.equal(all, false)
  assert.deepEqual(offsets, [0, 1])
})

const damages: readonly (readonly [string, (bytes: Buffer) => void])[] = [
  ['a record longer than the batch', (bytes) => (bytes[61] = 0x7e)],
  ['a record shorter than it says', (bytes) => (bytes[61] = 0x24)],
  ['a record of no length', (bytes) => (bytes[61] = 0x00)],
  ['a key longer than its record', (bytes) => (bytes[65] = 0x7e)],
  ['a key length below −1', (bytes) => (bytes[65] = 0x03)],
  ['a negative header count', (bytes) => (bytes[74] = 0x01)],
  ['more headers than there are', (bytes) => (bytes[74] = 0x06)],
  ['a header without a name', (bytes) => (bytes[75] = 0x01)],
  ['fewer records than bytes', (bytes) => bytes.writeInt32BE(0, 57)],
  ['more records than bytes', (bytes) => bytes.writeInt32BE(2, 57)],
  ['a compressed batch', (bytes) => bytes.writeInt16BE(4, 21)],
]

for (const [what, damage] of damages) {
  test(`${what} is refused`, () => {
    const bytes = Buffer.from(goldenBatch)
    damage(bytes)
    assert.throws(() => readRecords(bytes, 0, { record: () => true }), CorruptBatchError)
  })
}

test('a record with bytes behind its last header is refused', () => {
  const bytes = Buffer.concat([goldenBatch, Buffer.from([0])])
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes[61] = 0x28
  assert.throws(() => readRecords(bytes, 0, { record: () => true }), /record is not as long as it says/)
})

test('a batch cut anywhere is refused', () => {
  for (let end = 61; end < goldenBatch.length; end++) {
    assert.throws(() => readRecords(goldenBatch.subarray(0, end), 0, { record: () => true }), CorruptBatchError)
  }
})

test('headers are read in order and say where they end', () => {
  fc.assert(
    fc.property(anyRecord, (record) => {
      const bytes = encodeBatch([record])
      readRecords(bytes, 0, {
        // oxlint-disable-next-line max-params
        record(_offset, _timestamp, _keyStart, _keyEnd, _valueStart, _valueEnd, headersStart, headerCount) {
          assert.equal(headerCount, record.headers.length)
          assert.equal(
            readHeaders(bytes, headersStart, headerCount, () => {}),
            bytes.length,
          )
          return true
        },
      })
    }),
  )
})

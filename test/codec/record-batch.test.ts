import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { CorruptBatchError } from '../../src/codec/corrupt-batch-error.ts'
import { crc32c } from '../../src/codec/crc32c.ts'
import * as batch from '../../src/codec/record-batch.ts'
import { readRecords } from '../../src/codec/record-reader.ts'
import { anyRecord, encodeBatch } from '../support/record-spans.ts'
import { goldenBatch, goldenRecord } from '../support/golden-batch.ts'

test('the worked example, byte for byte', () => {
  const bytes = encodeBatch([goldenRecord])
  batch.assignOffsets(bytes, 0, 42, 0)
  assert.deepEqual(bytes, goldenBatch)
})

test('header accessors read the worked example, wherever it lies in a buffer', () => {
  const buf = Buffer.concat([Buffer.alloc(7, 0xff), goldenBatch])
  assert.equal(batch.batchSizeBytes(buf, 7), 81)
  assert.equal(batch.baseOffset(buf, 7), 42)
  assert.equal(batch.lastOffset(buf, 7), 42)
  assert.equal(batch.lastOffsetDelta(buf, 7), 0)
  assert.equal(batch.partitionLeaderEpoch(buf, 7), 0)
  assert.equal(batch.magic(buf, 7), 2)
  assert.equal(batch.storedCrc(buf, 7), 0x9f657a99)
  assert.equal(batch.attributes(buf, 7), 0)
  assert.equal(batch.compressionCodec(buf, 7), 0)
  assert.equal(batch.isLogAppendTime(buf, 7), false)
  assert.equal(batch.isTransactional(buf, 7), false)
  assert.equal(batch.isControl(buf, 7), false)
  assert.equal(batch.baseTimestamp(buf, 7), 1700000000000)
  assert.equal(batch.maxTimestamp(buf, 7), 1700000000000)
  assert.equal(batch.producerId(buf, 7), -1n)
  assert.equal(batch.hasProducerId(buf, 7), false)
  assert.equal(batch.producerEpoch(buf, 7), -1)
  assert.equal(batch.baseSequence(buf, 7), -1)
  assert.equal(batch.recordCount(buf, 7), 1)
  assert.equal(batch.checkBatch(buf, 7, buf.length), 'valid')
})

test('a batch emptied by compaction is valid', () => {
  const emptied = Buffer.from(goldenBatch.subarray(0, 61))
  emptied.writeInt32BE(49, 8)
  emptied.writeBigInt64BE(-1n, 27)
  emptied.writeInt32BE(0, 57)
  emptied.writeUInt32BE(0x22af466f, 17)
  assert.equal(batch.checkBatch(emptied, 0, 61), 'valid')
  assert.equal(readRecords(emptied, 0, { record: () => assert.fail('it holds no record') }), true)
})

test('every truncation is torn', () => {
  const bytes = encodeBatch([goldenRecord, { key: null, value: Buffer.from('second'), timestamp: 1700000000005 }])
  for (let end = 0; end < bytes.length; end++) {
    assert.equal(batch.checkBatch(bytes, 0, end), 'torn', `cut at ${end}`)
    assert.equal(batch.checkBatch(bytes.subarray(0, end), 0, end), 'torn', `cut at ${end}`)
  }
})

test('every flipped bit the CRC covers, or of length, magic and CRC, is refused', () => {
  const bytes = encodeBatch([goldenRecord, { key: null, value: Buffer.from('second'), timestamp: 1700000000005 }])
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const at = bit >> 3
    const damaged = Buffer.from(bytes)
    damaged[at]! ^= 1 << (bit & 7)
    const check = batch.checkBatch(damaged, 0, damaged.length)
    // Base offset and leader epoch are the broker's to set, outside the CRC: only the log knows which must come.
    const outsideCrc = at < 8 || (at >= 12 && at < 16)
    if (!outsideCrc) assert.notEqual(check, 'valid', `bit ${bit}`)
    // A length that got larger cannot be told from a batch still being written.
    if (at >= 16) assert.equal(check, 'corrupt', `bit ${bit}`)
  }
})

test('zeros and noise are never valid', () => {
  for (const size of [0, 5, 12, 60, 61, 5000]) {
    assert.notEqual(batch.checkBatch(Buffer.alloc(size), 0, size), 'valid')
    assert.notEqual(batch.checkBatch(Buffer.alloc(size, 0xff), 0, size), 'valid')
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      assert.notEqual(batch.checkBatch(Buffer.from(noise), 0, noise.length), 'valid')
    }),
  )
})

const wrongHeaders: readonly (readonly [string, (bytes: Buffer) => void])[] = [
  ['a codec that does not exist', (bytes) => bytes.writeInt16BE(5, 21)],
  ['more records than offsets', (bytes) => bytes.writeInt32BE(2, 57)],
  ['a negative record count', (bytes) => bytes.writeInt32BE(-1, 57)],
  ['a negative last offset', (bytes) => bytes.writeInt32BE(-1, 23)],
  ['a base offset below zero', (bytes) => bytes.writeBigInt64BE(-1n, 0)],
  ['a base offset beyond 2^53', (bytes) => bytes.writeBigInt64BE(2n ** 53n, 0)],
  ['a timestamp beyond 2^53', (bytes) => bytes.writeBigInt64BE(2n ** 53n, 35)],
  [
    'a record count that cannot fit',
    (bytes) => {
      bytes.writeInt32BE(1_000_000, 57)
      bytes.writeInt32BE(1_000_000, 23)
    },
  ],
]

for (const [what, damage] of wrongHeaders) {
  test(`${what} is corrupt, though the CRC fits`, () => {
    const bytes = Buffer.from(goldenBatch)
    damage(bytes)
    bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
    assert.equal(batch.checkBatch(bytes, 0, bytes.length), 'corrupt')
  })
}

test('offsets are assigned without touching what the CRC covers', () => {
  const bytes = encodeBatch([goldenRecord])
  const before = Buffer.from(bytes.subarray(16))
  batch.assignOffsets(bytes, 0, Number.MAX_SAFE_INTEGER, 7)
  assert.equal(batch.baseOffset(bytes, 0), Number.MAX_SAFE_INTEGER)
  assert.equal(batch.partitionLeaderEpoch(bytes, 0), 7)
  assert.deepEqual(bytes.subarray(16), before)
  assert.equal(batch.checkBatch(bytes, 0, bytes.length), 'valid')
})

test('with LogAppendTime every record reports the append time', () => {
  const bytes = encodeBatch([goldenRecord, { key: null, value: Buffer.from('x'), timestamp: 5 }])
  batch.setLogAppendTime(bytes, 0, 1800000000000)
  assert.equal(batch.checkBatch(bytes, 0, bytes.length), 'valid')
  assert.equal(batch.isLogAppendTime(bytes, 0), true)
  assert.equal(batch.maxTimestamp(bytes, 0), 1800000000000)
  const timestamps: number[] = []
  readRecords(bytes, 0, {
    record(_offset, timestamp) {
      timestamps.push(timestamp)
      return true
    },
  })
  assert.deepEqual(timestamps, [1800000000000, 1800000000000])
})

test('records damaged behind a fitting CRC are a CorruptBatchError or other records, never another error', () => {
  fc.assert(
    fc.property(
      fc.array(anyRecord, { minLength: 1, maxLength: 4 }),
      fc.nat(),
      fc.nat({ max: 255 }),
      (records, at, byte) => {
        const bytes = encodeBatch(records)
        bytes[61 + (at % (bytes.length - 61))] = byte
        try {
          readRecords(bytes, 0, {
            record(_offset, _timestamp, keyStart, keyEnd, valueStart, valueEnd) {
              assert(keyStart <= keyEnd && keyEnd <= bytes.length)
              assert(valueStart <= valueEnd && valueEnd <= bytes.length)
              return true
            },
          })
        } catch (error) {
          assert(error instanceof CorruptBatchError, String(error))
        }
      },
    ),
    { numRuns: 300 },
  )
})

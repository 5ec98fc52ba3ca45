import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  type OffsetCommitValue,
  OffsetCommitValueReader,
  offsetCommitValueBytes,
  writeOffsetCommitValue,
} from '../../../src/embedded/groups/offset-commit-value.ts'

const topicId = 'AAECAwQFBgcICQoLDA0ODw'

function encoded(value: OffsetCommitValue): Buffer {
  const bytes = Buffer.alloc(offsetCommitValueBytes(value.metadata))
  assert.equal(writeOffsetCommitValue(bytes, 0, value), bytes.length)
  return bytes
}

function decoded(bytes: Buffer, start = 0, end = bytes.length): OffsetCommitValue | undefined {
  const reader = new OffsetCommitValueReader()
  if (!reader.read(bytes, start, end)) return undefined
  return {
    nextOffset: reader.nextOffset,
    metadata: bytes.toString('utf8', reader.metadataStart, reader.metadataEnd),
    commitTimestamp: reader.commitTimestamp,
    topicId: bytes.toString('base64url', reader.topicIdStart, reader.topicIdEnd),
  }
}

// Written by Kafka 4.3.1's own OffsetCommitValue, leader epoch −1.
const golden = '0004000000000000002affffffff056e6f74650000018bcfe56800010010000102030405060708090a0b0c0d0e0f'

test("a value is Kafka's, byte for byte", () => {
  const value = { nextOffset: 42, metadata: 'note', commitTimestamp: 1_700_000_000_000, topicId }
  assert.equal(encoded(value).toString('hex'), golden)
  assert.deepEqual(decoded(Buffer.from(golden, 'hex')), value)
})

test('a value of Kafka with a leader epoch and long metadata is read', () => {
  const metadata = 'é'.repeat(100)
  const hex = `0004001fffffffffffff00000007c901${Buffer.from(metadata).toString('hex')}0000000000000001010010000102030405060708090a0b0c0d0e0f`
  const value = { nextOffset: Number.MAX_SAFE_INTEGER, metadata, commitTimestamp: 1, topicId }
  assert.deepEqual(decoded(Buffer.from(hex, 'hex')), value)
})

test('what is written is read back, wherever it stands; no part of it is a value', () => {
  const shape = {
    nextOffset: fc.maxSafeNat(),
    metadata: fc.string({ unit: 'grapheme', maxLength: 200 }),
    commitTimestamp: fc.maxSafeNat(),
    topicId: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((id) => Buffer.from(id).toString('base64url')),
  }
  const values = fc.record(shape, { noNullPrototype: true })
  fc.assert(
    fc.property(values, fc.nat(9), (value, before) => {
      const bytes = Buffer.concat([Buffer.alloc(before, 1), encoded(value), Buffer.alloc(3)])
      const end = bytes.length - 3
      assert.deepEqual(decoded(bytes, before, end), value)
      for (let cut = before; cut < end; cut++) assert.equal(decoded(bytes, before, cut), undefined)
      assert.equal(decoded(bytes, before, end + 1), undefined)
    }),
    { numRuns: 100 },
  )
})

test('other tagged fields are passed over', () => {
  const hex = golden.replace(/010010(\w+)$/, '020010$10503aabbcc')
  assert.equal(decoded(Buffer.from(hex, 'hex'))?.topicId, topicId)
})

test('other versions, values without a topic id and impossible numbers are refused', () => {
  assert.equal(decoded(Buffer.from(golden.replace(/^0004/, '0003'), 'hex')), undefined)
  // Kafka's, without a topic id.
  assert.equal(decoded(Buffer.from('0004001fffffffffffff0000000701000000000000000100', 'hex')), undefined)
  assert.equal(decoded(Buffer.from(golden.replace('000000000000002a', 'ffffffffffffffff'), 'hex')), undefined)
  assert.equal(decoded(Buffer.from(golden.replace('000000000000002a', '0020000000000000'), 'hex')), undefined)
})

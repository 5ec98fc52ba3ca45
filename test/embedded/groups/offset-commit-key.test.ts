import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  OffsetCommitKeyReader,
  offsetCommitKeyBytes,
  writeOffsetCommitKey,
} from '../../../src/embedded/groups/offset-commit-key.ts'

function encoded(group: string, topic: string, partition: number): Buffer {
  const bytes = Buffer.alloc(offsetCommitKeyBytes(group, topic))
  assert.equal(writeOffsetCommitKey(bytes, 0, group, topic, partition), bytes.length)
  return bytes
}

test("a key is Kafka's, byte for byte", () => {
  assert.equal(encoded('g1', 'orders', 3).toString('hex'), '00010002673100066f726465727300000003')
})

const name = fc.string({ minLength: 1, maxLength: 249, unit: fc.constantFrom('a', 'Z', '0', '.', '_', '-') })

test('what is written is read back, wherever it stands; no part of it is a key', () => {
  fc.assert(
    fc.property(name, name, fc.nat(0x7fff_ffff), fc.nat(9), (group, topic, partition, before) => {
      const key = encoded(group, topic, partition)
      const bytes = Buffer.concat([Buffer.alloc(before, 1), key, Buffer.alloc(3, 1)])
      const reader = new OffsetCommitKeyReader()
      assert.equal(reader.read(bytes, before, before + key.length), 'offset-commit')
      assert.equal(bytes.toString('utf8', reader.groupStart, reader.groupEnd), group)
      assert.equal(bytes.toString('utf8', reader.topicStart, reader.topicEnd), topic)
      assert.equal(reader.partition, partition)
      for (let length = 0; length < key.length; length++) {
        assert.equal(reader.read(bytes, before, before + length), 'malformed')
      }
      assert.equal(reader.read(bytes, before, before + key.length + 1), 'malformed')
    }),
    { numRuns: 100 },
  )
})

test('keys of other types are told apart; negative lengths and partitions are refused', () => {
  const reader = new OffsetCommitKeyReader()
  const read = (hex: string): string => reader.read(Buffer.from(hex, 'hex'), 0, hex.length / 2)
  assert.equal(read('000200026731'), 'other')
  assert.equal(read('0001ffff00066f726465727300000003'), 'malformed')
  assert.equal(read('00010002673100066f7264657273ffffffff'), 'malformed')
})

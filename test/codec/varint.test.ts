import assert from 'node:assert/strict'
import test from 'node:test'
import { Reader, Writer } from '@platformatic/kafka'
import * as fc from 'fast-check'
import { CorruptBatchError } from '../../src/codec/corrupt-batch-error.ts'
import { VarintReader, varintSize, varlongSize, writeVarint, writeVarlong } from '../../src/codec/varint.ts'

const vectors: readonly (readonly [number, string])[] = [
  [0, '00'],
  [-1, '01'],
  [1, '02'],
  [63, '7e'],
  [64, '8001'],
  [-65, '8101'],
  [300, 'd804'],
  [2 ** 31 - 1, 'feffffff0f'],
  [-(2 ** 31), 'ffffffff0f'],
]

function written(write: (buf: Buffer, at: number, value: number) => number, value: number): Buffer {
  const buf = Buffer.alloc(12)
  return buf.subarray(1, write(buf, 1, value))
}

function readerOf(bytes: Buffer): VarintReader {
  return new VarintReader(bytes, 0, bytes.length)
}

for (const [value, hex] of vectors) {
  test(`${value} is ${hex}`, () => {
    assert.equal(written(writeVarint, value).toString('hex'), hex)
    assert.equal(written(writeVarlong, value).toString('hex'), hex)
    assert.equal(varintSize(value), hex.length / 2)
    assert.equal(varlongSize(value), hex.length / 2)
    assert.equal(readerOf(Buffer.from(hex, 'hex')).readVarint(), value)
    assert.equal(readerOf(Buffer.from(hex, 'hex')).readVarlong(), value)
  })
}

/** Values of every width. */
const anyLong = fc
  .tuple(fc.maxSafeInteger(), fc.nat({ max: 53 }))
  .map(([value, shift]) => Math.floor(value / 2 ** shift))

test('int32 values agree with another implementation', () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat({ max: 31 }), (wide, shift) => {
      const value = wide >> shift
      const bytes = written(writeVarint, value)
      assert.equal(varintSize(value), bytes.length)
      assert.deepEqual(bytes, Writer.create().appendVarInt(value).buffer)
      assert.equal(readerOf(bytes).readVarint(), value)
      // The other reader loses the highest bit of a zigzag number.
      if (value >= -(2 ** 30) && value < 2 ** 30) assert.equal(Reader.from(bytes).readVarInt(), value)
    }),
  )
})

// The other implementation's 64-bit writer is wrong beyond 32 bits, so here the definition itself is the oracle.
test('int64 values are zigzag and LEB128 of their BigInt, and read back', () => {
  fc.assert(
    fc.property(anyLong, (value) => {
      const bytes = written(writeVarlong, value)
      assert.equal(varlongSize(value), bytes.length)
      assert.deepEqual([...bytes], leb128(BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))))
      assert.equal(readerOf(bytes).readVarlong(), value)
    }),
    { numRuns: 300 },
  )
})

function leb128(value: bigint): number[] {
  const low = Number(value & 0x7fn)
  return value < 0x80n ? [low] : [low | 0x80, ...leb128(value >> 7n)]
}

test('the borders of the sizes', () => {
  for (let bits = 6; bits <= 52; bits++) {
    for (const value of [2 ** bits - 1, 2 ** bits, -(2 ** bits), -(2 ** bits) - 1]) {
      const bytes = written(writeVarlong, value)
      assert.equal(varlongSize(value), bytes.length, String(value))
      assert.equal(readerOf(bytes).readVarlong(), value)
    }
  }
})

test('longer than a varint can be, wider than 32 or 53 bits, or cut off: corrupt', () => {
  const refused = (hex: string, read: (reader: VarintReader) => number) =>
    assert.throws(() => read(readerOf(Buffer.from(hex, 'hex'))), CorruptBatchError, hex)
  refused('808080808000', (reader) => reader.readVarint())
  refused('ffffffff1f', (reader) => reader.readVarint())
  refused('8080808080808080808000', (reader) => reader.readVarlong())
  refused('ffffffffffffffffff01', (reader) => reader.readVarlong())
  refused('ffffffffffffffffff02', (reader) => reader.readVarlong())
  for (const hex of ['', '80', 'ffff']) {
    refused(hex, (reader) => reader.readVarint())
    refused(hex, (reader) => reader.readVarlong())
  }
})

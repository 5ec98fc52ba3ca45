import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { readInt64, writeInt64 } from '../../src/codec/int64.ts'

test('every safe integer is written as its BigInt would be, and read back', () => {
  const buf = Buffer.alloc(8)
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      writeInt64(buf, 0, value)
      assert.equal(buf.readBigInt64BE(), BigInt(value))
      assert.equal(readInt64(buf, 0), value)
    }),
  )
  for (const value of [0, -1, 2 ** 31, -(2 ** 31), 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
    writeInt64(buf, 0, value)
    assert.equal(buf.readBigInt64BE(), BigInt(value))
    assert.equal(readInt64(buf, 0), value)
  }
})

test('a number that is no safe integer is a programming error', () => {
  for (const value of [2 ** 53, 0.5, Number.NaN]) {
    assert.throws(() => writeInt64(Buffer.alloc(8), 0, value), { name: 'AssertionError' })
  }
})

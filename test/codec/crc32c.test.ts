import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { crc32c, crc32cByTable, crc32cOfSpan } from '../../src/codec/crc32c.ts'

test('the check value of 123456789', () => {
  const digits = Buffer.from('123456789')
  assert.equal(crc32c(digits), 0xe3069283)
  assert.equal(crc32cByTable(digits, 0, 9, 0), 0xe3069283)
  assert.equal(crc32c(Buffer.alloc(0)), 0)
})

test('bit by bit, by table and natively it is the same number, at any length and split', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1500 }), fc.nat(), (bytes, cut) => {
      const expected = bitwise(bytes)
      const middle = bytes.length === 0 ? 0 : cut % bytes.length
      assert.equal(crc32c(bytes), expected)
      assert.equal(crc32cByTable(bytes, 0, bytes.length, 0), expected)
      assert.equal(crc32c(bytes.subarray(middle), crc32c(bytes.subarray(0, middle))), expected)
      assert.equal(crc32cOfSpan(bytes, middle, bytes.length), bitwise(bytes.subarray(middle)))
    }),
    { numRuns: 150 },
  )
})

function bitwise(bytes: Uint8Array): number {
  let crc = -1
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

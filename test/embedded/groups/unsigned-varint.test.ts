import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  UnsignedVarintReader,
  unsignedVarintBytes,
  writeUnsignedVarint,
} from '../../../src/embedded/groups/unsigned-varint.ts'

function encoded(value: number): Buffer {
  const bytes = Buffer.alloc(unsignedVarintBytes(value))
  assert.equal(writeUnsignedVarint(bytes, 0, value), bytes.length)
  return bytes
}

function decoded(bytes: Buffer): number | 'failed' {
  const reader = new UnsignedVarintReader()
  reader.start(bytes, 0, bytes.length)
  const value = reader.next()
  return reader.failed ? 'failed' : value
}

test('known values', () => {
  assert.equal(encoded(0).toString('hex'), '00')
  assert.equal(encoded(127).toString('hex'), '7f')
  assert.equal(encoded(128).toString('hex'), '8001')
  assert.equal(encoded(300).toString('hex'), 'ac02')
  assert.equal(encoded(0x7fff_ffff).toString('hex'), 'ffffffff07')
})

test('what is written is read back, and no part of it is', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0x7fff_ffff }), (value) => {
      const bytes = encoded(value)
      assert.equal(decoded(bytes), value)
      for (let length = 0; length < bytes.length; length++) assert.equal(decoded(bytes.subarray(0, length)), 'failed')
    }),
    { numRuns: 200 },
  )
})

test('more than 31 bits are refused', () => {
  assert.equal(decoded(Buffer.from('ffffffff08', 'hex')), 'failed')
  assert.equal(decoded(Buffer.from('808080808001', 'hex')), 'failed')
})

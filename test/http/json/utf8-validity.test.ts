import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { firstInvalidUtf8 } from '../../../src/http/json/utf8-validity.ts'

test('finds the first byte that is not UTF-8', () => {
  assert.equal(firstInvalidUtf8(Buffer.from('aé😀')), -1)
  assert.equal(firstInvalidUtf8(Buffer.of()), -1)
  for (const bad of [
    [0x80],
    [0xc0, 0xaf],
    [0xff],
    [0xed, 0xa0, 0x80],
    [0xe2, 0x82],
    [0xf4, 0x90, 0x80, 0x80],
    [0xc3],
  ]) {
    for (const padding of [0, 1, 4093, 4094, 4095, 4096, 9000]) {
      const bytes = Buffer.concat([Buffer.from('é'.repeat(padding)), Buffer.from(bad), Buffer.from('é'.repeat(5000))])
      assert.equal(firstInvalidUtf8(bytes), padding * 2, `${bad.join()} after ${padding}`)
    }
  }
})

test('agrees with a decoder on any bytes', () => {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const valid = (bytes: Uint8Array) => {
    try {
      decoder.decode(bytes)
      return true
    } catch {
      return false
    }
  }
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(0x41, 0x80, 0xa0, 0xbf, 0xc3, 0xe2, 0xed, 0xf0, 0xf4, 0x90), { maxLength: 8 }),
      (list) => {
        const bytes = Uint8Array.from(list)
        const at = firstInvalidUtf8(bytes)
        assert.equal(at === -1, valid(bytes))
        if (at >= 0) assert.ok(valid(bytes.subarray(0, at)))
      },
    ),
  )
})

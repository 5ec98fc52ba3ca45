import assert from 'node:assert/strict'
import test from 'node:test'
import { xxhash32 } from '../../src/codec/xxhash32.ts'

test('known values, short of a stripe and beyond', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['', 0x02cc5d05],
    ['a', 0x550d7456],
    ['abc', 0x32d153ff],
    ['Nobody inspects the spammish repetition', 0xe2293b2f],
  ]
  for (const [text, hash] of cases) {
    assert.equal(xxhash32(Buffer.from(text), 0, text.length), hash, text)
    assert.equal(xxhash32(Buffer.from(`--${text}--`), 2, 2 + text.length), hash, text)
  }
})

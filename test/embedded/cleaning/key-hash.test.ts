import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import * as fc from 'fast-check'
import { KeyHash } from '../../../src/embedded/cleaning/key-hash.ts'

function hashOf(secret: Uint8Array, bytes: Uint8Array, start = 0, end = bytes.length): string {
  const hash = new KeyHash(secret)
  hash.hash(bytes, start, end)
  return [hash.h0, hash.h1, hash.h2, hash.h3].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join(' ')
}

test("the first vectors of the algorithm's reference implementation", () => {
  const secret = Buffer.alloc(16)
  for (const [word, value] of [0x833d3433, 0x009f389f, 0x2398e64f, 0x417acf39].entries()) {
    secret.writeUInt32LE(value, word * 4)
  }
  assert.equal(hashOf(secret, Buffer.alloc(0)), '792e8fe5 75ce87aa 2d1450b5 1191970b')
  assert.equal(hashOf(secret, Buffer.of(0)), '13a9307b 50e62c89 4577bd88 c0bbdc18')
})

test('a hash is of the bytes and their number alone, wherever they lie', () => {
  const secret = randomBytes(16)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), fc.uint8Array({ maxLength: 20 }), (key, around) => {
      const within = Buffer.concat([around, key, around])
      assert.equal(hashOf(secret, within, around.length, around.length + key.length), hashOf(secret, key))
      assert.notEqual(hashOf(secret, Buffer.concat([key, Buffer.of(0)])), hashOf(secret, key))
      assert.notEqual(hashOf(secret, Buffer.concat([key, Buffer.of(1)])), hashOf(secret, key))
    }),
  )
})

test('another secret gives other hashes', () => {
  const key = Buffer.from('a key')
  assert.notEqual(hashOf(randomBytes(16), key), hashOf(randomBytes(16), key))
})

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { producerDigest } from '../../src/broker/producer-digest.ts'

test('a producer becomes the beginning of the SHA-256 of its id, however many others come between', () => {
  const sha256 = (id: string) => createHash('sha256').update(id).digest()
  const held = producerDigest('producer-0')
  for (let number = 0; number < 20_000; number++) {
    const id = `producer-${number}`
    const { bytes, number: short } = producerDigest(id)
    assert.ok(bytes.equals(sha256(id).subarray(0, 16)))
    assert.equal(short, sha256(id).readBigUInt64BE(0) >> 1n)
    assert.equal(producerDigest(id), producerDigest(id))
  }
  assert.ok(held.bytes.equals(sha256('producer-0').subarray(0, 16)), 'what a request holds does not change under it')
})

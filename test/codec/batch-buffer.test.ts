import assert from 'node:assert/strict'
import test from 'node:test'
import { allocateBatch } from '../../src/codec/batch-buffer.ts'

test('a large batch has memory of its own, a small one shares', () => {
  assert.equal(allocateBatch(4096).buffer.byteLength, 4096)
  const small = allocateBatch(100)
  assert.equal(small.length, 100)
  assert(small.buffer.byteLength > 100)
})

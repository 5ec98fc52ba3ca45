import assert from 'node:assert/strict'
import test from 'node:test'
import { allocateBatch } from '../../src/codec/batch-buffer.ts'

test('batches lie one behind the other in a slab and never overlap', () => {
  const batches = Array.from({ length: 200 }, (_, index) => allocateBatch(1 + index * 37).fill(index))
  for (const [index, batch] of batches.entries()) {
    assert.equal(batch.length, 1 + index * 37)
    assert.ok(
      batch.every((byte) => byte === index),
      `batch ${index} is as it was filled`,
    )
  }
  assert.ok(new Set(batches.map((batch) => batch.buffer)).size < batches.length / 10)
})

test('a large batch has memory of its own', () => {
  const large = allocateBatch(200_000)
  assert.equal(large.buffer.byteLength, 200_000)
  assert.notEqual(allocateBatch(10).buffer, large.buffer)
})

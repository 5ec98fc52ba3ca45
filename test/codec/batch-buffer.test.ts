import assert from 'node:assert/strict'
import test from 'node:test'
import { allocateBatch, releaseBatch } from '../../src/codec/batch-buffer.ts'

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

test('a large batch has memory of its own, gone when it is released', () => {
  const large = allocateBatch(200_000)
  assert.equal(large.buffer.byteLength, 200_000)
  assert.notEqual(allocateBatch(10).buffer, large.buffer)
  releaseBatch(large)
  assert.equal(large.length, 0)
})

test('a slab goes with the last of its batches, and not before', () => {
  const batches = Array.from({ length: 100 }, (_, index) => allocateBatch(50_000).fill(index))
  // From the middle: the slab of the first ones holds batches of other tests.
  const first = batches[50]
  assert.ok(first)
  const slabmates = batches.filter((batch) => batch.buffer === first.buffer && batch !== first)
  const kept = slabmates.at(-1)
  assert.ok(kept)
  const filled = kept[0]
  for (const batch of batches) if (batch !== kept) releaseBatch(batch)
  assert.equal(kept.length, 50_000)
  assert.ok(kept.every((byte) => byte === filled))
  releaseBatch(kept)
  assert.equal(kept.length, 0)
  assert.equal(first.length, 0)
})

test('releasing the newest batches leaves their slab to those that follow', () => {
  for (let round = 0; round < 100; round++) {
    const batch = allocateBatch(30_000).fill(round)
    assert.ok(batch.every((byte) => byte === round))
    releaseBatch(batch)
  }
})

test('buffers from elsewhere are left alone', () => {
  const foreign = Buffer.from('foreign')
  releaseBatch(foreign)
  assert.equal(foreign.toString(), 'foreign')
})

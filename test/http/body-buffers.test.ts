import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BodyBuffers } from '../../src/http/body-buffers.ts'

const chunks = (text: string, count: number): Buffer[] => Array.from({ length: count }, () => Buffer.from(text))

test('a body is its chunks, whatever was in the buffer before', () => {
  const buffers = new BodyBuffers()
  const first = buffers.gather(chunks('x'.repeat(10_000), 3), 30_000)
  assert.equal(first.toString(), 'x'.repeat(30_000))
  buffers.giveBack(first)
  const second = buffers.gather(chunks('yz', 9000), 18_000)
  assert.equal(second.buffer, first.buffer, 'the memory is used again')
  assert.equal(second.toString(), 'yz'.repeat(9000))
})

test('a single chunk is the body, without a copy, and is nobody else’s afterwards', () => {
  const buffers = new BodyBuffers()
  const chunk = Buffer.alloc(40_000, 'x')
  const body = buffers.gather([chunk], chunk.length)
  assert.equal(body, chunk)
  buffers.giveBack(body)
  assert.notEqual(buffers.gather(chunks('y'.repeat(20_000), 2), 40_000).buffer, chunk.buffer)
})

test('a buffer that was not given back is not used again, nor one given back twice by two', () => {
  const buffers = new BodyBuffers()
  const first = buffers.gather(chunks('x', 20_000), 20_000)
  const second = buffers.gather(chunks('y', 20_000), 20_000)
  assert.notEqual(first.buffer, second.buffer)
  buffers.giveBack(first)
  buffers.giveBack(first)
  const third = buffers.gather(chunks('a', 20_000), 20_000)
  const fourth = buffers.gather(chunks('b', 20_000), 20_000)
  assert.equal(third.buffer, first.buffer)
  assert.notEqual(fourth.buffer, first.buffer)
})

test('the second time has no effect for a body that fills its buffer either', () => {
  const buffers = new BodyBuffers()
  const body = buffers.gather(chunks('x', 65_536), 65_536)
  buffers.giveBack(body)
  buffers.giveBack(body)
  const next = buffers.gather(chunks('y', 65_536), 65_536)
  assert.equal(next.buffer, body.buffer)
  assert.equal(next.toString(), 'y'.repeat(65_536))
})

test('memory that is not kept is freed at once: chunks behind their body, a body that is too large', () => {
  const buffers = new BodyBuffers()
  const pieces = [Buffer.alloc(20_000, 'x'), Buffer.alloc(20_000, 'y')]
  buffers.gather(pieces, 40_000)
  assert.deepEqual(
    pieces.map(({ buffer }) => buffer.byteLength),
    [0, 0],
  )
  const large = buffers.gather(chunks('x'.repeat(1_000_000), 2), 2_000_000)
  assert.equal(large.length, 2_000_000)
  buffers.giveBack(large)
  assert.equal(large.length, 0)
})

test('part of another buffer’s memory is left alone', () => {
  const buffers = new BodyBuffers()
  const whole = Buffer.alloc(65_536, 'x')
  buffers.giveBack(whole.subarray(0, 40_000))
  buffers.gather([whole.subarray(0, 20_000), whole.subarray(20_000, 60_000)], 60_000)
  assert.equal(whole.length, 65_536)
})

test('small, very large and foreign buffers are not kept', () => {
  const buffers = new BodyBuffers()
  const small = buffers.gather(chunks('{}', 1), 2)
  const large = buffers.gather(chunks('x'.repeat(1_000_000), 2), 2_000_000)
  for (const body of [small, large, Buffer.alloc(65_536), undefined, 'text']) buffers.giveBack(body)
  assert.notEqual(buffers.gather(chunks('x', 40_000), 40_000).buffer, large.buffer)
})

test('no more than eight MiB are kept', () => {
  const buffers = new BodyBuffers()
  const bodies = Array.from({ length: 12 }, () => buffers.gather(chunks('x'.repeat(500_000), 2), 1_000_000))
  const memory = new Set(bodies.map((body) => body.buffer))
  for (const body of bodies) buffers.giveBack(body)
  const again = Array.from({ length: 12 }, () => buffers.gather(chunks('y'.repeat(500_000), 2), 1_000_000))
  assert.equal(again.filter((body) => memory.has(body.buffer)).length, 8)
})

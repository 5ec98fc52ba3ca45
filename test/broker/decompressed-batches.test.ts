import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecompressedBatches } from '../../src/broker/decompressed-batches.ts'
import { compressBatchSync } from '../../src/codec/compressed-batch.ts'
import { compressionTypes, type CompressionType } from '../../src/codec/compression.ts'
import { CorruptBatchError } from '../../src/codec/corrupt-batch-error.ts'
import { assignOffsets, BATCH_HEADER_BYTES } from '../../src/codec/record-batch.ts'
import { encodeBatch } from '../support/record-spans.ts'

const codecs = compressionTypes.filter((type) => type !== 'none')

/** Content that shrinks little, of so many bytes or a few more. */
function plainBatch(contentBytes: number, seed = 1): Buffer {
  const value = Buffer.alloc(contentBytes)
  for (let at = 0, state = seed; at < contentBytes; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    value[at] = 97 + (state >>> 29)
  }
  return encodeBatch([{ key: null, value, timestamp: 1_700_000_000_000 }])
}

function packedBatch(plain: Buffer, type: CompressionType, offset = 0): Buffer {
  const packed = compressBatchSync(plain, type)
  assignOffsets(packed, 0, offset, 0)
  return packed
}

test('small batches are opened at once, large ones later, and both are kept', async () => {
  for (const type of codecs) {
    const batches = new DecompressedBatches()
    for (const [number, contentBytes] of [100, 200_000].entries()) {
      const plain = plainBatch(contentBytes)
      const packed = packedBatch(plain, type, number)
      const first = batches.records('topic', 0, packed, 0)
      assert.equal(first instanceof Promise, contentBytes > 100_000, type)
      assert.deepEqual(await first, plain.subarray(BATCH_HEADER_BYTES))
      assert.equal(batches.records('topic', 0, packed, 0), await first)
    }
    assert.equal(batches.decompressions, 2)
  }
})

test('a few bytes that hold much are opened off the event loop', async () => {
  const plain = encodeBatch([{ key: null, value: Buffer.alloc(5_000_000), timestamp: 1 }])
  const packed = packedBatch(plain, 'zstd')
  assert.ok(packed.length < 16_384)
  const opening = new DecompressedBatches().records('topic', 0, packed, 0)
  assert.ok(opening instanceof Promise)
  assert.deepEqual(await opening, plain.subarray(BATCH_HEADER_BYTES))
})

test('what is kept stays within its bound: what was used last stays', async () => {
  const batches = new DecompressedBatches({ keptBytes: 300_000 })
  const packed = Array.from({ length: 6 }, (_, offset) => packedBatch(plainBatch(60_000, offset), 'lz4', offset))
  for (const batch of packed) {
    await batches.records('topic', 0, batch, 0)
    // The first one is in use all the time.
    await batches.records('topic', 0, packed[0]!, 0)
    assert.ok(batches.keptBytes <= 300_000)
  }
  assert.equal(batches.decompressions, 6)
  await batches.records('topic', 0, packed[1]!, 0)
  assert.equal(batches.decompressions, 7)
})

test('one that is larger than all that may be kept is read, and drops nothing', async () => {
  const batches = new DecompressedBatches({ keptBytes: 100_000 })
  const small = packedBatch(plainBatch(50_000), 'snappy')
  const large = packedBatch(plainBatch(200_000), 'snappy', 1)
  await batches.records('topic', 0, small, 0)
  const kept = batches.keptBytes
  assert.ok((await batches.records('topic', 0, large, 0)).length > 200_000)
  assert.equal(batches.keptBytes, kept)
})

test('another topic, partition or content at the same offset is another batch', async () => {
  const batches = new DecompressedBatches()
  const first = plainBatch(30_000, 1)
  const rewritten = plainBatch(30_000, 2)
  for (const [topic, partition, plain] of [
    ['a', 0, first],
    ['b', 0, rewritten],
    ['a', 1, rewritten],
    ['a', 0, rewritten],
  ] as const) {
    const records = await batches.records(topic, partition, packedBatch(plain, 'gzip'), 0)
    assert.deepEqual(records, plain.subarray(BATCH_HEADER_BYTES))
  }
})

test('content that cannot be opened, or is too much, is an error each time, and holds nobody up', async () => {
  for (const type of codecs) {
    const batches = new DecompressedBatches({ batchMaxBytes: 150_000, concurrency: 1 })
    const broken = packedBatch(plainBatch(100_000), type)
    broken.fill(0x55, 70, 20_000)
    const tooMuch = packedBatch(plainBatch(200_000), type, 1)
    const sound = plainBatch(120_000)
    const opening = (batch: Buffer) => Promise.resolve().then(() => batches.records('topic', 0, batch, 0))
    const [one, again, other, last] = await Promise.allSettled([
      opening(broken),
      opening(broken),
      opening(tooMuch),
      opening(packedBatch(sound, type, 2)),
    ])
    for (const result of [one, again, other]) {
      assert.ok(result.status === 'rejected' && result.reason instanceof CorruptBatchError, type)
    }
    assert.ok(last.status === 'fulfilled' && last.value.equals(sound.subarray(BATCH_HEADER_BYTES)), type)
    await assert.rejects(opening(broken), CorruptBatchError)
  }
})

test('content that is dropped gives its memory up in the next turn, when whoever waited for it has read it', async () => {
  const batches = new DecompressedBatches({ keptBytes: 1_000_000 })
  const packed = [0, 1, 2, 3].map((number) => packedBatch(plainBatch(200_000, number + 1), 'lz4', number))
  const contents = await Promise.all(
    packed.map(async (batch, number) => {
      const content = await batches.records('topic', 0, batch, 0)
      assert.deepEqual(content, plainBatch(200_000, number + 1).subarray(BATCH_HEADER_BYTES))
      return content
    }),
  )
  await new Promise((resolve) => setImmediate(resolve))
  const kept = contents.filter(({ length }) => length > 0)
  assert.ok(kept.length > 0 && kept.length < 4, 'as many as there is room for')
  for (const [number, batch] of packed.entries()) {
    const again = await batches.records('topic', 0, batch, 0)
    assert.deepEqual(again, plainBatch(200_000, number + 1).subarray(BATCH_HEADER_BYTES))
  }
})

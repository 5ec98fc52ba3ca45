import assert from 'node:assert/strict'
import test from 'node:test'
import { constants, zstdCompressSync } from 'node:zlib'
import { compressSync, decompress, decompressSync } from '../../src/codec/compression.ts'
import { zstdFrames } from '../../src/codec/zstd-frames.ts'
import { kafkaBatch } from '../support/kafka-batches.ts'

const RECORDS_AT = 61
const skippable = Buffer.from('502a4d1803000000010203', 'hex')
const content = Buffer.from(Array.from({ length: 60_000 }, (_, i) => `${i},`).join(''))

test('all frames of a stream are read, and those between that hold nothing skipped', async () => {
  const frame = compressSync('zstd', content)
  const stream = Buffer.concat([skippable, frame, skippable, frame])
  const both = Buffer.concat([content, content])
  assert.deepEqual(decompressSync('zstd', stream, both.length), both)
  assert.deepEqual(await decompress('zstd', stream, both.length), both)
  assert.throws(() => decompressSync('zstd', stream, both.length - 1), /more than \d+ bytes/)
})

test('frames end where they say, whatever their header has', () => {
  const { ZSTD_c_checksumFlag, ZSTD_c_contentSizeFlag, ZSTD_c_windowLog } = constants
  for (const length of [0, 1, 255, 256, 65_791, 65_792, content.length]) {
    for (const params of [{}, { [ZSTD_c_checksumFlag]: 1 }, { [ZSTD_c_contentSizeFlag]: 0, [ZSTD_c_windowLog]: 12 }]) {
      const frame = zstdCompressSync(content.subarray(0, length), { params })
      assert.deepEqual([...zstdFrames(Buffer.concat([frame, frame]))], [frame, frame])
    }
  }
  // A run of one byte is a block of its own kind; Kafka's producer says no content size.
  const zeros = zstdCompressSync(Buffer.alloc(1_000_000))
  assert.deepEqual([...zstdFrames(zeros)], [zeros])
  const ofKafka = kafkaBatch('zstd', 'flights').subarray(RECORDS_AT)
  assert.deepEqual([...zstdFrames(ofKafka)], [ofKafka])
})

test('what does not end with a frame is refused', () => {
  const frame = compressSync('zstd', content)
  const cases: readonly (readonly [Buffer, RegExp])[] = [
    [frame.subarray(0, frame.length - 1), /cut off/],
    [frame.subarray(0, 5), /cut off/],
    [Buffer.concat([frame, Buffer.of(1)]), /cut off/],
    [Buffer.concat([frame, Buffer.from('something else')]), /no Zstandard frame/],
    [skippable.subarray(0, 10), /cut off/],
    [Buffer.concat(Array<Buffer>(1025).fill(skippable)), /1024 Zstandard frames/],
  ]
  for (const [bytes, reason] of cases) assert.throws(() => decompressSync('zstd', bytes, 1_000_000), reason)
})

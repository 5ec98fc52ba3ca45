import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { compress, compressSync, compressionTypes, decompress, decompressSync } from '../../src/codec/compression.ts'
import { CorruptBatchError, DecompressedTooLargeError } from '../../src/codec/corrupt-batch-error.ts'

const realTypes = compressionTypes.slice(1)
/** Bytes that compress well and such that do not, over several blocks of each format. */
const samples = [
  Buffer.alloc(0),
  Buffer.of(1),
  Buffer.alloc(300_000, 'posthorn '),
  Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 2_654_435_761) >>> 24)),
  Buffer.from(Array.from({ length: 66_000 }, (_, i) => `${i},`).join('')),
]

test('codec ids are those of a batch’s attributes', () => {
  assert.deepEqual(compressionTypes, ['none', 'gzip', 'snappy', 'lz4', 'zstd'])
})

for (const type of realTypes) {
  test(`${type}: what went in comes out, within a limit of exactly that size`, async () => {
    for (const sample of samples) {
      const compressed = compressSync(type, sample)
      assert.deepEqual(await compress(type, sample), compressed)
      assert(decompressSync(type, compressed, sample.length).equals(sample))
      assert((await decompress(type, compressed, sample.length)).equals(sample))
    }
  })

  test(`${type}: more than the limit is refused, and told apart from damage`, async () => {
    for (const sample of samples.slice(1)) {
      const compressed = compressSync(type, sample)
      for (const maxBytes of [0, sample.length >> 1, sample.length - 1]) {
        assert.throws(() => decompressSync(type, compressed, maxBytes), DecompressedTooLargeError)
        await assert.rejects(decompress(type, compressed, maxBytes), DecompressedTooLargeError)
      }
    }
  })

  test(`${type}: damaged and cut bytes are a CorruptBatchError or other content, never another error`, async () => {
    const compressed = compressSync(type, samples[4]!)
    await fc.assert(
      fc.asyncProperty(
        fc.nat(compressed.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.option(fc.nat(compressed.length - 1)),
        async (at, flip, end) => {
          const damaged = Buffer.from(compressed.subarray(0, end ?? compressed.length))
          if (at < damaged.length) damaged[at]! ^= flip
          const here = outcome(() => decompressSync(type, damaged, 1_000_000))
          const there = await decompress(type, damaged, 1_000_000).catch(asCorrupt)
          assert.deepEqual(here, there)
        },
      ),
      { numRuns: 150 },
    )
  })

  test(`${type}: any bytes are a CorruptBatchError or content`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        outcome(() => decompressSync(type, Buffer.from(bytes), 10_000))
      }),
    )
  })
}

function outcome(run: () => Buffer): Buffer | string {
  try {
    return run()
  } catch (error) {
    return asCorrupt(error)
  }
}

function asCorrupt(error: unknown): string {
  assert(error instanceof CorruptBatchError, String(error))
  return error.message
}

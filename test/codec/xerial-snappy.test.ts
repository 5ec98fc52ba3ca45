import assert from 'node:assert/strict'
import test from 'node:test'
import * as snappy from 'snappy'
import { DecompressedTooLargeError } from '../../src/codec/corrupt-batch-error.ts'
import { snappyCompressSync, snappyDecompress, snappyDecompressSync } from '../../src/codec/xerial-snappy.ts'
import { kafkaBatch } from '../support/kafka-batches.ts'

const content = Buffer.from('posthorn '.repeat(8000))
const HEADER_BYTES = 16
const RECORDS_AT = 61

test('streams have the header that Kafka’s producer writes', () => {
  const header = kafkaBatch('snappy', 'flights').subarray(RECORDS_AT, RECORDS_AT + HEADER_BYTES)
  assert.deepEqual(snappyCompressSync(content).subarray(0, HEADER_BYTES), header)
})

test('a bare block and streams one behind the other are read, as Kafka reads them', async () => {
  assert.deepEqual(snappyDecompressSync(snappy.compressSync(content), content.length), content)
  assert.deepEqual(await snappyDecompress(snappy.compressSync(content), content.length), content)
  const stream = snappyCompressSync(content)
  const both = Buffer.concat([content, content])
  assert.deepEqual(snappyDecompressSync(Buffer.concat([stream, stream]), both.length), both)
  assert.deepEqual(await snappyDecompress(Buffer.concat([stream, stream]), both.length), both)
})

test('sizes are believed only as far as the limit goes, before memory is taken', () => {
  const claims4GiB = Buffer.from('ffffffff0f0102', 'hex')
  assert.throws(() => snappyDecompressSync(claims4GiB, 1_000_000), DecompressedTooLargeError)
  assert.throws(() => snappyDecompressSync(snappyCompressSync(content), content.length - 1), DecompressedTooLargeError)
})

test('what cannot be read is refused with its reason', () => {
  const stream = snappyCompressSync(content)
  const header = stream.subarray(0, HEADER_BYTES)
  const cases: readonly (readonly [Buffer, RegExp])[] = [
    [Buffer.alloc(0), /without its size/],
    [Buffer.concat([header, Buffer.of(0, 0)]), /cut off/],
    [Buffer.concat([header, Buffer.from('ffffffff00', 'hex')]), /chunk of -1 bytes/],
    [stream.subarray(0, stream.length - 1), /chunk of \d+ bytes/],
    [Buffer.concat([header, Buffer.from('00000002ffff', 'hex')]), /without its size/],
    [Buffer.concat([header, Buffer.from('000000020561', 'hex')]), /decompressed/],
    [Buffer.concat([header, ...Array<Buffer>(5000).fill(Buffer.from('0000000100', 'hex'))]), /too many small chunks/],
  ]
  for (const [bytes, reason] of cases) assert.throws(() => snappyDecompressSync(bytes, 1_000_000), reason)
})

import assert from 'node:assert/strict'
import test from 'node:test'
import { CorruptBatchError, DecompressedTooLargeError } from '../../src/codec/corrupt-batch-error.ts'
import { lz4CompressSync, lz4Decompress, lz4DecompressSync } from '../../src/codec/lz4-frame.ts'
import { kafkaBatch } from '../support/kafka-batches.ts'

/*
 * What `lz4` 1.9.4 makes of 'posthorn ' 8,000 times: blocks of 64 KiB linked to those before (-B4 -BD), and blocks of
 * 256 KiB with content size and block checksums (-B5 --content-size -BX). Both end with a content checksum.
 */
const content = Buffer.from('posthorn '.repeat(8000))
const linked = Buffer.from(
  'BCJNGERAXhMBAACfcG9zdGhvcm4gCQD/////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////31BzdGhvciMAAAAP+f//////////////////////////////////QVBob3JuIAAAAAAJAMKF',
  'base64',
)
const checked = Buffer.from(
  'BCJNGHxQQBkBAAAAAACyLQEAAJ9wb3N0aG9ybiAJAP///////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////zlQaG9ybiBQiYWBAAAAAAkAwoU=',
  'base64',
)

const HEADER_BYTES = 7
const RECORDS_AT = 61

test('frames of the reference implementation: linked blocks, sizes and checksums', async () => {
  for (const frame of [linked, checked]) {
    assert.deepEqual(lz4DecompressSync(frame, content.length), content)
    assert.deepEqual(await lz4Decompress(frame, content.length), content)
    assert.throws(() => lz4DecompressSync(frame, content.length - 1), DecompressedTooLargeError)
    await assert.rejects(lz4Decompress(frame, content.length - 1), DecompressedTooLargeError)
  }
})

test('frames are written as Kafka’s producer writes them', () => {
  const header = kafkaBatch('lz4', 'flights').subarray(RECORDS_AT, RECORDS_AT + HEADER_BYTES)
  const frame = lz4CompressSync(content)
  assert.deepEqual(frame.subarray(0, HEADER_BYTES), header)
  assert.equal(frame.readUInt32LE(frame.length - 4), 0, 'an end mark, no checksum')
  const stored = kafkaBatch('lz4', 'random').subarray(RECORDS_AT)
  assert.deepEqual(lz4CompressSync(lz4DecompressSync(stored, 10_000)), stored, 'what does not shrink is stored')
})

test('every byte that a checksum covers is held against it', () => {
  for (const at of [4, 5, 6, 9, 15, 40, checked.length - 1, checked.length - 6]) {
    const damaged = Buffer.from(checked)
    damaged[at]! ^= 0x10
    assert.throws(() => lz4DecompressSync(damaged, 1_000_000), CorruptBatchError, `byte ${at}`)
  }
})

test('what cannot be read is refused with its reason', () => {
  const frame = lz4CompressSync(content)
  const cases: readonly (readonly [Buffer, RegExp])[] = [
    [Buffer.alloc(0), /cut off/],
    [Buffer.from('no frame at all'), /no LZ4 frame/],
    [Buffer.from('04224d18614000000000', 'hex'), /dictionary/],
    [Buffer.from('04224d1820400000', 'hex'), /version/],
    [Buffer.from('04224d1860300000', 'hex'), /block size 3/],
    [frame.subarray(0, frame.length - 4), /cut off/],
    [Buffer.concat([frame, Buffer.of(0)]), /behind/],
    [Buffer.concat([frame.subarray(0, HEADER_BYTES), Buffer.from('ffffff00', 'hex')]), /block of 16777215 bytes/],
    [Buffer.concat([frame.subarray(0, HEADER_BYTES), Buffer.from('01000000f000000000', 'hex')]), /decompressed/],
  ]
  for (const [bytes, reason] of cases) assert.throws(() => lz4DecompressSync(bytes, 1_000_000), reason)
})

test('many blocks of next to nothing are refused, and soon', async () => {
  const block = Buffer.from('020000001061', 'hex')
  const few = Buffer.concat([...Array<Buffer>(1000).fill(block), Buffer.alloc(4)])
  const header = lz4CompressSync(content).subarray(0, HEADER_BYTES)
  assert.deepEqual(await lz4Decompress(Buffer.concat([header, few]), 1000), Buffer.alloc(1000, 'a'))
  const many = Buffer.concat([header, ...Array<Buffer>(100_000).fill(block), Buffer.alloc(4)])
  await assert.rejects(lz4Decompress(many, 1_000_000), /too many small blocks/)
})

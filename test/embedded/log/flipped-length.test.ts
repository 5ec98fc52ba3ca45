import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchSizeBytes } from '../../../src/codec/record-batch.ts'
import type { FileHandle } from '../../../src/embedded/file-system.ts'
import { endByFlippedLength } from '../../../src/embedded/log/flipped-length.ts'
import { MemoryFileSystem } from '../../support/memory-file-system.ts'
import { encodeBatch } from '../../support/record-spans.ts'

const LENGTH_AT = 8
const MIB = 1024 * 1024

async function fileOf(bytes: Buffer): Promise<{ file: FileHandle; readBytes: () => number }> {
  const disk = new MemoryFileSystem()
  await disk.mkdir('/data')
  const file = await disk.open('/data/segment', { create: true })
  await file.write([bytes], 0)
  let readBytes = 0
  const read = async (position: number, length: number): Promise<Buffer> => {
    const found = await file.read(position, length)
    readBytes += found.length
    return found
  }
  return { file: Object.assign(Object.create(file), { read }), readBytes: () => readBytes }
}

function batch(): Buffer {
  return Buffer.from(encodeBatch([{ key: null, value: Buffer.alloc(600, 'x'), timestamp: 1 }]))
}

test('a batch whose length has a flipped bit ends where its CRC proves it', async () => {
  const [damaged, next] = [batch(), batch()]
  const sizeBytes = batchSizeBytes(damaged, 0)
  for (const bit of [0, 5, 13, 20]) {
    const bytes = Buffer.concat([damaged, next])
    bytes.writeInt32BE(bytes.readInt32BE(LENGTH_AT) ^ (1 << bit), LENGTH_AT)
    const { file } = await fileOf(bytes)
    assert.equal(await endByFlippedLength(file, 0, bytes.length), sizeBytes)
  }
})

test('a batch that was overwritten costs a reader little, however much follows', async () => {
  const { file, readBytes } = await fileOf(Buffer.alloc(20 * MIB))
  assert.equal(await endByFlippedLength(file, 0, 20 * MIB), undefined)
  assert.ok(readBytes() < 64 * 1024, `${readBytes()} bytes were read`)
})

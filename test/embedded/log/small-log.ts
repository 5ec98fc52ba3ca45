import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import type { TestContext } from 'node:test'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import { crc32c } from '../../../src/codec/crc32c.ts'
import { batchSizeBytes, checkBatch } from '../../../src/codec/record-batch.ts'
import { OpenFiles } from '../../../src/embedded/log/open-files.ts'
import { PartitionReader } from '../../../src/embedded/log/partition-reader.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { MemorySegmentIndex } from '../../support/memory-segment-index.ts'
import { decodeBatch } from '../../support/record-spans.ts'
import { StoredPartition } from '../../support/stored-partition.ts'

export interface Scene {
  readonly partition: StoredPartition
  readonly index: MemorySegmentIndex
  readonly reader: PartitionReader
}

export async function scene(t: TestContext): Promise<Scene> {
  const directory = await fs.mkdtemp(path.join(tmpdir(), 'posthorn-reader-'))
  const files = new OpenFiles({ fileSystem: nodeFileSystem })
  t.after(async () => {
    await files.closeAll()
    await fs.rm(directory, { recursive: true, force: true })
  })
  const index = new MemorySegmentIndex()
  return { partition: new StoredPartition(directory), index, reader: new PartitionReader({ files, index }) }
}

/** Three segments in files of ten batches of three records, the last two batches in memory alone. */
export async function smallLog(t: TestContext, options: { readonly indexed?: boolean } = {}): Promise<Scene> {
  const made = await scene(t)
  const { partition } = made
  for (let batch = 0; batch < 30; batch++) {
    if (batch > 0 && batch % 10 === 0) {
      await partition.lay({ forget: true })
      partition.roll()
    }
    partition.append([batch * 10, batch * 10 + 1, batch * 10 + 2], 100)
    if (batch === 27) await partition.lay({ forget: true })
  }
  if (options.indexed ?? true) partition.indexInto(made.index, 600)
  return made
}

export function offsetsIn(batches: readonly Buffer[]): number[] {
  const offsets: number[] = []
  for (const run of batches) {
    for (let at = 0; at < run.length; at += batchSizeBytes(run, at)) {
      assert.equal(checkBatch(run, at, run.length), 'valid')
      for (const record of decodeBatch(run.subarray(at, at + batchSizeBytes(run, at)))) {
        offsets.push(record.offset)
        assert.ok(record.value?.toString().startsWith(`${record.offset}:`))
      }
    }
  }
  return offsets
}

export const range = (from: number, to: number) => Array.from({ length: to - from }, (_, place) => from + place)

/** Makes the checksum fit what a test has written over. */
export function resealBatch(bytes: Buffer): void {
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
}

export async function flip(file: string, position: number, bit = 1): Promise<void> {
  const bytes = await fs.readFile(file)
  bytes[position] = (bytes[position] ?? 0) ^ bit
  await fs.writeFile(file, bytes)
}

export function corruptAt(offset: number, nextReadableOffset: number) {
  return (error: unknown) => {
    assert.ok(error instanceof BrokerError)
    assert.equal(error.code, 'CORRUPT_MESSAGE')
    assert.equal(error.options.facts?.['offset'], offset)
    assert.equal(error.options.facts?.['nextReadableOffset'], nextReadableOffset)
    return true
  }
}

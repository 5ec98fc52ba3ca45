import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { IndexEntry } from '../../../src/embedded/index/segment-index.ts'
import { scanSegment } from '../../../src/embedded/index/segment-scan.ts'
import { MemorySegmentIndex } from '../../support/memory-segment-index.ts'
import { StoredPartition } from '../../support/stored-partition.ts'

async function storedSegment(t: TestContext): Promise<StoredPartition> {
  const directory = await fs.mkdtemp(path.join(tmpdir(), 'posthorn-scan-'))
  t.after(() => fs.rm(directory, { recursive: true, force: true }))
  const partition = new StoredPartition(directory)
  for (let batch = 0; batch < 50; batch++) partition.append([batch, batch], batch === 20 ? 1_500_000 : 100)
  await partition.lay({ forget: true })
  return partition
}

function scan(partition: StoredPartition): IndexEntry[] {
  return partition
    .indexedSegments(500)
    .flatMap((segment) => [...scanSegment(segment)])
    .flatMap((step) => step.entries)
}

async function flip(partition: StoredPartition, batch: number, byte: number): Promise<void> {
  const bytes = await fs.readFile(partition.active.path)
  const at = partition.batches[batch]!.position + byte
  bytes[at] = (bytes[at] ?? 0) ^ 2
  await fs.writeFile(partition.active.path, bytes)
}

describe('scanSegment', () => {
  it('finds the entries that the log gave as it wrote, also around batches larger than a chunk', async (t) => {
    const partition = await storedSegment(t)
    const index = new MemorySegmentIndex()
    partition.indexInto(index, 500)
    assert.deepEqual(scan(partition), [...index.entries.values()].flat())
  })

  it('gives no entry for a batch that is damaged, in its offset too, and one for the batch behind it', async (t) => {
    for (const byte of [7, 30, 80]) {
      const partition = await storedSegment(t)
      await flip(partition, 30, byte)
      const found = scan(partition).map((entry) => entry.baseOffset)
      assert.ok(!found.includes(60))
      assert.ok(found.includes(62))
      assert.ok(found.every((offset) => offset % 2 === 0 && offset < 100))
      assert.ok(found.some((offset) => offset > 90))
    }
  })

  it('goes on behind batches whose length leads nowhere, if those behind are sound to the end', async (t) => {
    const lengthLost = await storedSegment(t)
    await flip(lengthLost, 30, 11)
    const found = scan(lengthLost).map((entry) => entry.baseOffset)
    assert.ok(!found.includes(60))
    assert.ok(found.includes(62))
    const twoLost = await storedSegment(t)
    await flip(twoLost, 30, 80)
    await flip(twoLost, 31, 80)
    const behindTwo = scan(twoLost).map((entry) => entry.baseOffset)
    assert.ok(!behindTwo.includes(60) && !behindTwo.includes(62))
    assert.ok(behindTwo.includes(64))
  })

  it('passes over what lies between two damaged batches without a length, and ends where a file is cut short', async (t) => {
    const twoLost = await storedSegment(t)
    await flip(twoLost, 30, 11)
    await flip(twoLost, 35, 11)
    const found = scan(twoLost).map((entry) => entry.baseOffset)
    assert.ok(found.every((offset) => offset < 60 || offset >= 72))
    assert.ok(found.includes(72))
    const cut = await storedSegment(t)
    await fs.truncate(cut.active.path, cut.batches[40]!.position + 10)
    assert.ok(scan(cut).every((entry) => entry.baseOffset < 80))
    await fs.rm(cut.active.path)
    assert.deepEqual(scan(cut), [])
  })
})

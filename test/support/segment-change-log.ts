import assert from 'node:assert/strict'
import { baseOffset, batchSizeBytes, lastOffset, maxTimestamp } from '../../src/codec/record-batch.ts'
import type { FileSystem } from '../../src/embedded/file-system.ts'
import type { PartitionLog } from '../../src/embedded/log/partition-log.ts'
import { nextGeneration, type SegmentChange } from '../../src/embedded/log/segment-change.ts'
import { passingSegmentPath } from '../../src/embedded/log/segment-name.ts'
import type { Segment } from '../../src/embedded/log/segment.ts'

/**
 * What compaction would prepare: one segment, whole and synced, with those batches of the ones it replaces that
 * `keeps`. The directory entry is not synced.
 */
export async function cleanedOf(
  fileSystem: FileSystem,
  log: PartitionLog,
  removed: readonly Segment[],
  keeps: (baseOffset: number, lastOffset: number) => boolean,
): Promise<SegmentChange> {
  const [first] = removed
  const last = removed.at(-1)
  assert.ok(first && last)
  const kept: Buffer[] = []
  for (const segment of removed) {
    const file = await fileSystem.open(segment.path, { readOnly: true })
    const bytes = await file.read(0, segment.fileBytes)
    await file.close()
    for (let at = 0; at < bytes.length; at += batchSizeBytes(bytes, at)) {
      if (keeps(baseOffset(bytes, at), lastOffset(bytes, at)))
        kept.push(bytes.subarray(at, at + batchSizeBytes(bytes, at)))
    }
  }
  const identity = { baseOffset: first.baseOffset, generation: nextGeneration(removed) }
  const file = await fileSystem.open(passingSegmentPath(log.directory, identity, 'cleaned'), { create: true })
  await file.write(kept, 0)
  await file.datasync()
  await file.close()
  const facts = {
    ...identity,
    sizeBytes: Buffer.concat(kept).length,
    maxTimestamp: kept.reduce((newest, batch) => Math.max(newest, maxTimestamp(batch, 0)), -1),
    firstTimestamp: kept[0] ? maxTimestamp(kept[0], 0) : -1,
    createdMs: last.createdMs,
  }
  return { removed, added: [facts], firstDirtyOffset: last.baseOffset + 1 }
}

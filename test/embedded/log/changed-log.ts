import assert from 'node:assert/strict'
import { batchSizeBytes } from '../../../src/codec/record-batch.ts'
import type { DirectoryLog } from '../../../src/embedded/log/directory-log.ts'
import { OpenFiles } from '../../../src/embedded/log/open-files.ts'
import { PartitionReader } from '../../../src/embedded/log/partition-reader.ts'
import type { PartitionView } from '../../../src/embedded/log/partition-view.ts'
import type { SegmentChange } from '../../../src/embedded/log/segment-change.ts'
import { segmentFileName } from '../../../src/embedded/log/segment-name.ts'
import { batchOf } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import {
  LOG_DIRECTORY,
  newDisk,
  openLog,
  partitionOf,
  placementOf,
  recordsIn,
  seeded,
} from '../../support/log-directory-fixture.ts'
import type { MemoryFileSystem } from '../../support/memory-file-system.ts'
import { MemorySegmentIndex } from '../../support/memory-segment-index.ts'
import { cleanedOf } from '../../support/segment-change-log.ts'
import { decodeBatch } from '../../support/record-spans.ts'

const PARTITION_DIRECTORY = `${LOG_DIRECTORY}/orders-0`
export const DELETE_DELAY_MS = 60_000

export const placements = [0].map((partition) => {
  const placement = placementOf(partition, { 'file.delete.delay.ms': String(DELETE_DELAY_MS) })
  return { ...placement, config: () => ({ ...placement.config(), segmentBytes: 700 }) }
})

export function publish(log: DirectoryLog, value: string) {
  return log.append([{ log: partitionOf(log, 0), batches: [batchOf([value])] }], 'all')
}

/** A closed log of some segments. */
export async function prepared(count: number, random: () => number): Promise<MemoryFileSystem> {
  const disk = await newDisk()
  const log = await openLog(disk, [])
  await log.createPartitions(placements)
  for (let sent = 0; sent < count; sent++) await publish(log, `${sent}/${'x'.repeat(Math.floor(random() * 120))}`)
  await log.close()
  return disk
}

/** One of the changes that retention and compaction make. */
async function plan(disk: MemoryFileSystem, directory: DirectoryLog, seed: number): Promise<SegmentChange> {
  const random = seeded(seed)
  const log = partitionOf(directory, 0)
  if (random() < 0.5) {
    if (random() < 0.5) assert.ok(await directory.rollActive(log))
    const count = 1 + Math.floor(random() * (log.segments.length - 1))
    return { removed: log.segments.slice(0, count), added: [] }
  }
  const from = Math.floor(random() * (log.segments.length - 1))
  const to = from + 1 + Math.floor(random() * (log.segments.length - 1 - from))
  const share = random()
  return cleanedOf(disk, log, log.segments.slice(from, to), () => random() < share)
}

/** Of a log that was just opened: what the files hold is what readers see. */
export async function valuesIn(disk: MemoryFileSystem, directory: DirectoryLog): Promise<readonly string[]> {
  assert.equal(directory.state, 'online', directory.reason)
  const log = partitionOf(directory, 0)
  assert.deepEqual(log.fenced, [])
  const records = await recordsIn(disk, log)
  const reader = new PartitionReader({ files: new OpenFiles({ fileSystem: disk }), index: new MemorySegmentIndex() })
  assert.deepEqual(await readAll(reader, log), records)
  return records.map(({ value }) => value)
}

/** Page by page, each from where the one before ended. */
export async function readAll(
  reader: PartitionReader,
  log: PartitionView,
): Promise<{ offset: number; value: string }[]> {
  const records: { offset: number; value: string }[] = []
  for (let next = log.logStartOffset; next < log.highWatermark;) {
    const page = await reader.read(log, next, 300)
    for (const { offset, value } of page.batches.flatMap(recordsOf)) {
      if (offset >= next) records.push({ offset, value: String(value) })
    }
    assert.ok(page.nextOffset > next)
    next = page.nextOffset
  }
  return records
}

/** Of one or more batches, one behind the other. */
function recordsOf(batches: Buffer): readonly { offset: number; value: Buffer | null }[] {
  const records = []
  for (let at = 0; at < batches.length; at += batchSizeBytes(batches, at)) {
    records.push(...decodeBatch(batches.subarray(at, at + batchSizeBytes(batches, at))))
  }
  return records
}

export async function segmentNames(disk: MemoryFileSystem): Promise<string[]> {
  const names = await disk.readdir(PARTITION_DIRECTORY)
  return names.filter((name) => name !== 'partition.metadata').sort()
}

export function namesOf(directory: DirectoryLog): string[] {
  return partitionOf(directory, 0).segments.map(({ baseOffset }) => segmentFileName(baseOffset))
}

export function crashed(disk: MemoryFileSystem, random: () => number): MemoryFileSystem {
  const chance = random()
  if (chance < 0.3) return disk.kill()
  return disk.crash(chance < 0.5 ? 'none' : chance < 0.65 ? 'all' : 'random', random)
}

/** A start that is cut off itself, then one that is not. */
export async function reopened(survivor: MemoryFileSystem, random: () => number) {
  let disk = survivor
  if (random() < 0.4) {
    disk.fail({ nth: 1 + Math.floor(random() * 15), code: 'EIO', sticky: true })
    await openLog(disk, placements)
    disk.healFaults()
    disk = crashed(disk, random)
  }
  return { disk, log: await openLog(disk, placements) }
}

/** Makes the planned change while others publish, with a crash at the n-th call of the disk (0 = none). */
export async function changed(from: MemoryFileSystem, seed: number, nth: number, random: () => number) {
  const disk = from.crash('all')
  const clock = new FakeClock()
  const log = await openLog(disk, placements, { clock })
  const change = await plan(disk, log, seed)
  let survivor: MemoryFileSystem | undefined
  let calls = 0
  disk.slowness = () => {
    if (++calls === nth) survivor = crashed(disk, random)
    return 1
  }
  const acknowledged: string[] = []
  const publishing = ['new/1', 'new/2', 'new/3'].map(async (value) => {
    await publish(log, value).then(
      () => acknowledged.push(value),
      () => {},
    )
  })
  const applied = await log.applyChange(partitionOf(log, 0), change).catch(() => false)
  await Promise.all(publishing)
  disk.slowness = undefined
  return { disk, log, clock, survivor, acknowledged, applied }
}

export const old = (values: readonly string[]): readonly string[] => values.filter((value) => !value.startsWith('new/'))

/** A start of the prepared log. */
export async function started(disk: MemoryFileSystem, clock = new FakeClock()) {
  const files = new OpenFiles({ fileSystem: disk, limit: 8 })
  const log = await openLog(disk, placements, { clock, files })
  return { log, clock, files, partition: partitionOf(log, 0) }
}

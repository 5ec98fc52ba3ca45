import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DirectoryLog } from '../../../src/embedded/log/directory-log.ts'
import type { PartitionPlacement } from '../../../src/embedded/log/partition-log.ts'
import { batchOf } from '../../support/engine-records.ts'
import {
  LOG_DIRECTORY,
  newDisk,
  openLog,
  partitionOf,
  placementOf,
  recordsIn,
  TOPIC_ID,
} from '../../support/log-directory-fixture.ts'
import type { MemoryFileSystem } from '../../support/memory-file-system.ts'

const placements = [placementOf(0), placementOf(1)]
const values = Array.from({ length: 5 }, (_, index) => `value ${index} ${'v'.repeat(200)}`)

async function put(log: DirectoryLog, partition: number, value: string): Promise<void> {
  await log.append([{ log: partitionOf(log, partition), batches: [batchOf([value])] }], 'all')
}

/** Partition 0 has records that are in the journal alone, and its directory is gone. */
async function withoutItsDirectory(): Promise<MemoryFileSystem> {
  const disk = await newDisk()
  const log = await openLog(disk, [])
  await log.createPartitions(placements)
  for (const value of values) await put(log, 0, value)
  const survivor = disk.crash('none')
  await survivor.rename(`${LOG_DIRECTORY}/orders-0`, '/elsewhere')
  return survivor
}

/** A start without the directory of partition 0, and enough rounds for both journal files to be overwritten. */
async function startWithout(disk: MemoryFileSystem): Promise<void> {
  const log = await openLog(disk, placements)
  assert.equal(log.state, 'online', log.reason)
  for (let i = 0; i < 60; i++) await put(log, 1, `${i} ${'x'.repeat(4000)}`)
  await log.close()
}

async function heldBytes(disk: MemoryFileSystem): Promise<number> {
  let bytes = 0
  for (const name of await disk.readdir(LOG_DIRECTORY)) {
    if (name.startsWith('held')) bytes += (await disk.stat(`${LOG_DIRECTORY}/${name}`)).sizeBytes
  }
  return bytes
}

test('what waits for a partition is kept until a checkpoint says that the partition has it', async () => {
  const disk = await withoutItsDirectory()
  await startWithout(disk)
  await disk.rename('/elsewhere', `${LOG_DIRECTORY}/orders-0`)
  const { totalBytes, freeBytes } = await disk.space()
  disk.totalBytes = totalBytes - freeBytes
  const full = await openLog(disk, placements)
  assert.deepEqual(
    (await recordsIn(disk, partitionOf(full, 0))).map(({ value }) => value),
    values,
  )
  const survivor = disk.kill()
  survivor.totalBytes = totalBytes
  const log = await openLog(survivor, placements)
  assert.deepEqual(
    (await recordsIn(survivor, partitionOf(log, 0))).map(({ value }) => value),
    values,
  )
})

test('what waits for a partition is written once, however often the server starts without it', async () => {
  const disk = await withoutItsDirectory()
  await startWithout(disk)
  const once = await heldBytes(disk)
  assert.ok(once > 0)
  for (let starts = 0; starts < 5; starts++) await startWithout(disk)
  assert.equal(await heldBytes(disk), once)
  await disk.rename('/elsewhere', `${LOG_DIRECTORY}/orders-0`)
  const log = await openLog(disk, placements)
  assert.deepEqual(
    (await recordsIn(disk, partitionOf(log, 0))).map(({ value }) => value),
    values,
  )
  assert.equal(await heldBytes(disk), 0)
})

test('the directories of a topic called held are not taken for records that wait', async () => {
  const held: PartitionPlacement[] = [0, 1].map((partition) => ({ ...placementOf(partition), topic: 'held' }))
  const disk = await newDisk()
  const log = await openLog(disk, [])
  await log.createPartitions(held)
  await put(log, 0, 'kept')
  await log.close()
  for (let starts = 0; starts < 2; starts++) {
    const again = await openLog(disk, held)
    assert.equal(again.state, 'online', again.reason)
    const partition = again.partition(TOPIC_ID, 0)
    assert.ok(partition)
    assert.deepEqual(
      (await recordsIn(disk, partition)).map(({ value }) => value),
      ['kept'],
    )
    await again.close()
  }
})

test('a partition of a topic called held may be the one that is away', async () => {
  const held: PartitionPlacement[] = [0, 1].map((partition) => ({ ...placementOf(partition), topic: 'held' }))
  const disk = await newDisk()
  const log = await openLog(disk, [])
  await log.createPartitions(held)
  for (const value of values) await put(log, 0, value)
  const survivor = disk.crash('none')
  await survivor.rename(`${LOG_DIRECTORY}/held-0`, '/elsewhere')
  const without = await openLog(survivor, held)
  assert.equal(without.state, 'online', without.reason)
  for (let i = 0; i < 60; i++) await put(without, 1, `${i} ${'x'.repeat(4000)}`)
  await without.close()
  await survivor.rename('/elsewhere', `${LOG_DIRECTORY}/held-0`)
  const back = await openLog(survivor, held)
  assert.equal(back.state, 'online', back.reason)
  assert.deepEqual(
    (await recordsIn(survivor, partitionOf(back, 0))).map(({ value }) => value),
    values,
  )
})

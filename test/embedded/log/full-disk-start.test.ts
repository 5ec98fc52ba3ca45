import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DirectoryLog } from '../../../src/embedded/log/directory-log.ts'
import { batchOf } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import {
  LOG_DIRECTORY,
  newDisk,
  openLog,
  partitionOf,
  placementOf,
  recordsIn,
  storedIs,
  tinyLimits,
} from '../../support/log-directory-fixture.ts'
import type { MemoryFileSystem } from '../../support/memory-file-system.ts'

const SEGMENT = `${LOG_DIRECTORY}/orders-0/00000000000000000000.log`
/** What is in the journal begins several segments of the first. */
const placements = [placementOf(0, { 'segment.bytes': '2000' }), placementOf(1)]
const values = Array.from({ length: 30 }, (_, index) => `value ${index} ${'v'.repeat(200)}`)

async function append(log: DirectoryLog, value: string): Promise<void> {
  for (const { partition } of placements) {
    await log.append([{ log: partitionOf(log, partition), batches: [batchOf([value])] }], 'all')
  }
}

async function valuesIn(disk: MemoryFileSystem, log: DirectoryLog, partition: number): Promise<string[]> {
  return (await recordsIn(disk, partitionOf(log, partition))).map(({ value }) => value)
}

/** Committed records that are in the journal alone. */
async function crashed(): Promise<MemoryFileSystem> {
  const disk = await newDisk()
  const log = await openLog(disk, [], { clock: new FakeClock() })
  await log.createPartitions(placements)
  for (const value of values) await append(log, value)
  return disk.crash('none')
}

async function fill(disk: MemoryFileSystem): Promise<void> {
  const { totalBytes, freeBytes } = await disk.space()
  disk.totalBytes = totalBytes - freeBytes
}

async function settle(): Promise<void> {
  for (let turns = 0; turns < 40; turns++) await new Promise((resolve) => setImmediate(resolve))
}

test('a start on a disk without a free byte serves all that is committed, from memory, until there is space', async () => {
  const before = await crashed()
  await fill(before)
  // Once more, for the journal must still have it all.
  const first = await openLog(before, placements)
  assert.equal(first.state, 'online', first.reason)
  const disk = before.crash('all')
  disk.totalBytes = before.totalBytes
  const clock = new FakeClock()
  const log = await openLog(disk, placements, { clock })
  assert.equal(log.state, 'online', log.reason)
  for (const partition of [0, 1]) assert.deepEqual(await valuesIn(disk, log, partition), values)
  assert.deepEqual(
    log.troubles().map(({ kind }) => kind),
    ['disk-full'],
  )
  await assert.rejects(append(log, 'refused'), storedIs('no'))
  disk.totalBytes += 10_000_000
  clock.advance(1000)
  await settle()
  assert.deepEqual(log.troubles(), [])
  await append(log, 'taken')
  await log.close()
  const survivor = disk.crash('none')
  const again = await openLog(survivor, placements)
  for (const partition of [0, 1]) assert.deepEqual(await valuesIn(survivor, again, partition), [...values, 'taken'])
})

test('what lies behind the log end is no reason not to start on a full disk, and no record either', async () => {
  const disk = await crashed()
  const whole = await openLog(disk, placements)
  await whole.close()
  disk.alter(SEGMENT, (content) => Buffer.concat([content, Buffer.alloc(5000, 'x')]))
  await fill(disk)
  const log = await openLog(disk, placements)
  assert.equal(log.state, 'online', log.reason)
  assert.deepEqual(await valuesIn(disk, log, 0), values)
  disk.totalBytes += 10_000_000
  const survivor = disk.crash('all')
  assert.deepEqual(await valuesIn(survivor, await openLog(survivor, placements), 0), values)
})

test('a directory that has too little space says so before anybody publishes', async () => {
  const disk = await crashed()
  const limits = { ...tinyLimits, lowWaterBytes: (await disk.space()).totalBytes }
  const log = await openLog(disk, placements, { limits })
  assert.deepEqual(
    log.troubles().map(({ kind }) => kind),
    ['disk-full'],
  )
})

test('a disk that somebody else fills is told of though nobody publishes', async () => {
  const disk = await crashed()
  const clock = new FakeClock()
  const log = await openLog(disk, placements, { clock, limits: { ...tinyLimits, lowWaterBytes: 1000 } })
  assert.deepEqual(log.troubles(), [])
  await fill(disk)
  clock.advance(5000)
  await log.lookAtSpace()
  assert.deepEqual(
    log.troubles().map(({ kind }) => kind),
    ['disk-full'],
  )
  disk.totalBytes += 10_000_000
  clock.advance(1000)
  await settle()
  assert.deepEqual(log.troubles(), [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { markForAdoption } from '../../../src/embedded/log/adopted-partition.ts'
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
} from '../../support/log-directory-fixture.ts'
import type { MemoryFileSystem } from '../../support/memory-file-system.ts'

const placements = [placementOf(0, { 'segment.bytes': '1000' }), placementOf(1)]
const FIRST_SEGMENT = `${LOG_DIRECTORY}/orders-0/00000000000000000000.log`

async function append(log: DirectoryLog, value: string, partition = 0): Promise<void> {
  await log.append([{ log: partitionOf(log, partition), batches: [batchOf([value])] }], 'all')
}

/**
 * A partition of another journal, without its oldest segment, marked for this one, which knows nothing of it; and one whose
 * records the journal alone has.
 */
async function withMarkedPartition(values: readonly string[]): Promise<MemoryFileSystem> {
  const disk = await newDisk()
  const elsewhere = await openLog(disk, [])
  await elsewhere.createPartitions(placements.slice(0, 1))
  for (const value of values) await append(elsewhere, value)
  await elsewhere.close()
  await disk.rename(`${LOG_DIRECTORY}/orders-0`, '/elsewhere')
  await disk.syncDirectory('/')
  for (const name of await disk.readdir(LOG_DIRECTORY)) await disk.unlink(`${LOG_DIRECTORY}/${name}`)
  const log = await openLog(disk, [])
  await log.createPartitions(placements.slice(1))
  await append(log, 'in the journal'.padEnd(4000), 1)
  const killed = disk.crash('none')
  await killed.rename('/elsewhere', `${LOG_DIRECTORY}/orders-0`)
  await killed.unlink(FIRST_SEGMENT)
  await markForAdoption(killed, `${LOG_DIRECTORY}/orders-0`)
  return killed.crash('all')
}

test('what is taken into the log on a full disk stays in it, though the next start finds no checkpoint of it', async () => {
  const values = Array.from({ length: 12 }, (_, index) => `value ${index} ${'v'.repeat(200)}`)
  const disk = await withMarkedPartition(values)
  const { totalBytes, freeBytes } = await disk.space()
  disk.totalBytes = totalBytes - freeBytes
  const clock = new FakeClock()
  const log = await openLog(disk, placements, { clock })
  assert.equal(log.state, 'online', log.reason)
  const adopted = await recordsIn(disk, partitionOf(log, 0))
  assert.ok(adopted.length > 3 && adopted.length < values.length)
  assert.equal(adopted.at(-1)?.value, values.at(-1))
  assert.ok((await disk.readdir(`${LOG_DIRECTORY}/orders-0`)).includes('.adopt'))
  disk.totalBytes += 10_000_000
  clock.advance(1000)
  for (let turns = 0; turns < 40; turns++) await new Promise((resolve) => setImmediate(resolve))
  for (const value of ['next', 'last']) await append(log, value)
  for (const torn of ['none', 'all'] as const) {
    const survivor = disk.crash(torn)
    const again = await openLog(survivor, placements)
    const found = await recordsIn(survivor, partitionOf(again, 0))
    assert.deepEqual(found.slice(0, adopted.length), adopted)
    assert.deepEqual(
      found.slice(adopted.length).map(({ value }) => value),
      ['next', 'last'],
    )
    assert.deepEqual(again.troubles(), [])
  }
})

import assert from 'node:assert/strict'
import * as path from 'node:path'
import { test } from 'node:test'
import { batchOf } from '../../support/engine-records.ts'
import {
  LOG_DIRECTORY,
  newDisk,
  openLog,
  partitionOf,
  placementOf,
  recordsIn,
} from '../../support/log-directory-fixture.ts'
import type { MemoryFileSystem } from '../../support/memory-file-system.ts'

const journals = ['journal-0', 'journal-1'] as const
const placements = [placementOf(0), placementOf(1)]

/** Enough rounds that both journal files were used, the newest in the first one. */
async function written(cleanly: boolean): Promise<{ disk: MemoryFileSystem; values: string[] }> {
  const disk = await newDisk()
  const log = await openLog(disk, [])
  await log.createPartitions(placements)
  const values: string[] = []
  for (let round = 0; round < 40; round++) {
    const value = `${round} ${'x'.repeat(3000)}`
    values.push(value)
    await log.append([{ log: partitionOf(log, 0), batches: [batchOf([value])] }], 'all')
  }
  if (cleanly) await log.close()
  return { disk: cleanly ? disk : disk.kill(), values }
}

for (const name of journals) {
  for (const damage of ['gone', 'emptied'] as const) {
    test(`nothing that is in the segments is cut when ${name} is ${damage}, and no offset is given out again`, async () => {
      const { disk, values } = await written(true)
      const file = path.join(LOG_DIRECTORY, name)
      if (damage === 'gone') await disk.unlink(file)
      else await (await disk.open(file)).truncate(0)

      const log = await openLog(disk, placements)
      assert.equal(log.state, 'online')
      const stored = await recordsIn(disk, partitionOf(log, 0))
      assert.deepEqual(
        stored.map(({ value }) => value),
        values,
      )
      const [appended] = await log.append([{ log: partitionOf(log, 0), batches: [batchOf(['next'])] }], 'all')
      assert.ok(appended && appended.baseOffset > values.length)
      assert.ok(log.troubles().some(({ kind }) => kind === 'partition-fenced'))
      await log.close()

      const again = await openLog(disk, placements)
      assert.equal(partitionOf(again, 0).highWatermark, appended.baseOffset + 1)
      await again.close()
    })
  }
}

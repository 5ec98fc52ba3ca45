import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchOf } from '../../support/engine-records.ts'
import { newDisk, openLog, partitionOf, placementOf, recordsIn } from '../../support/log-directory-fixture.ts'

for (const [name, value] of [
  ['small', 'x'],
  ['large', 'x'.repeat(10_000)],
] as const) {
  test(`a ${name} append acknowledged with acks=1 survives a kill at that very moment`, async () => {
    const disk = await newDisk()
    const log = await openLog(disk, [])
    const placements = [placementOf(0)]
    await log.createPartitions(placements)
    await log.append([{ log: partitionOf(log, 0), batches: [batchOf([value])] }], '1')
    const left = disk.kill()
    const again = await openLog(left, placements)
    const stored = await recordsIn(left, partitionOf(again, 0))
    assert.deepEqual(stored, [{ offset: 0, value }])
    await again.close()
  })
}

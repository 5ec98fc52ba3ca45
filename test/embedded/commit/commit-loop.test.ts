import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchOf } from '../../support/engine-records.ts'
import { newDisk, openLog, partitionOf, placementOf } from '../../support/log-directory-fixture.ts'

test('an error that nobody expected makes the directory read-only, and leaves nobody waiting', async () => {
  const failing = {
    committed(): void {
      throw new Error('the observer has a bug')
    },
  }
  const log = await openLog(await newDisk(), [], { observer: failing })
  await log.createPartition(placementOf(0))
  const [kept] = await log.append([{ log: partitionOf(log, 0), batches: [batchOf(['first'])] }], 'all')
  assert.equal(kept?.baseOffset, 0)
  await assert.rejects(log.append([{ log: partitionOf(log, 0), batches: [batchOf(['second'])] }], 'all'))
  assert.equal(log.state, 'read-only')
  assert.match(log.reason ?? '', /the observer has a bug/)
  await log.close()
})

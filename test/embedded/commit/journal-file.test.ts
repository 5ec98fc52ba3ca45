import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { JournalFile } from '../../../src/embedded/commit/journal-file.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { newDisk, openLog, placementOf, partitionOf } from '../../support/log-directory-fixture.ts'
import { batchOf } from '../../support/engine-records.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

test('a frame needs no further file descriptor, of which the process may have none left by then', async (t) => {
  const directory = path.join(tempDirectory(t), 'log')
  fs.mkdirSync(directory)
  const file = await JournalFile.open(nodeFileSystem, directory, 0)
  t.after(() => file.close())
  await file.allocate(8192)
  // Whoever opened it by its name now would fail, as without a descriptor.
  fs.renameSync(directory, `${directory}-moved`)
  await file.writeDurably([Buffer.from('a frame')], 4096)
  assert.equal(fs.readFileSync(path.join(`${directory}-moved`, 'journal-0')).toString('latin1', 4096, 4103), 'a frame')
})

test('an error of the disk while the journal is allocated ahead is not passed over', async () => {
  const disk = await newDisk()
  const log = await openLog(disk, [])
  await log.createPartitions([placementOf(0)])
  await log.close()
  // Smaller than it was set to be: a start allocates the rest behind the back of its first requests.
  disk.alter('/data/journal-1', (bytes) => bytes.subarray(0, 8192))
  disk.fail({ kinds: ['datasync'], pathContains: 'journal-1', nth: 1, code: 'EIO' })
  const again = await openLog(disk, [placementOf(0)])
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(disk.faultsSpent)
  assert.equal(again.state, 'read-only')
  const late = again.append([{ log: partitionOf(again, 0), batches: [batchOf(['late'])] }], 'all')
  await assert.rejects(late)
})

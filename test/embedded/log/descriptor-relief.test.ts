import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLog, newDisk, partitionOf, placementOf, storedIs } from '../../support/log-directory-fixture.ts'
import { batchOf } from '../../support/engine-records.ts'
import { withDescriptorRelief } from '../../../src/embedded/log/descriptor-relief.ts'
import { OpenFiles } from '../../../src/embedded/log/open-files.ts'

test('a segment that meets a lack of descriptors closes idle files and is made; the directory stays online', async () => {
  const disk = await newDisk()
  const files = new OpenFiles({ fileSystem: disk, limit: 64 })
  const fileSystem = withDescriptorRelief(disk, files)
  const placement = { ...placementOf(0), config: () => ({ ...placementOf(0).config(), segmentBytes: 5000 }) }
  const log = await openLog(fileSystem, [], { files })
  await log.createPartitions([placement])
  const put = () => log.append([{ log: partitionOf(log, 0), batches: [batchOf(['x'.repeat(4000)])] }], 'all')
  for (let round = 0; round < 8; round++) await put()
  await log.checkpoint()
  assert.ok(files.count > 4)
  const openBefore = files.count
  disk.fail({ kinds: ['open'], pathContains: '.log', nth: 1, code: 'EMFILE' })
  await put()
  assert.ok(files.count < openBefore)

  disk.fail({ kinds: ['open'], pathContains: '.log', nth: 1, code: 'EMFILE', sticky: true })
  await assert.rejects(put(), storedIs('no'))
  assert.equal(log.state, 'online')
})

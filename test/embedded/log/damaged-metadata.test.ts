import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LOG_DIRECTORY, openLog, partitionOf } from '../../support/log-directory-fixture.ts'
import { fresh, put, valuesIn } from './fresh-log.ts'

/** Starts with `partition.metadata` of partition 0 changed so; undefined = gone. */
async function startWithMetadata(change: (content: Buffer) => Buffer | undefined) {
  const { disk, log, placements } = await fresh()
  await put(log, 0, ['a'])
  await log.close()
  const file = `${LOG_DIRECTORY}/orders-0/partition.metadata`
  const before = disk.contentOf(file)
  const changed = change(Buffer.from(before))
  await disk.unlink(file)
  if (changed) {
    const handle = await disk.open(file, { create: true })
    await handle.write([changed], 0)
    await handle.close()
  }
  const again = await openLog(disk, placements)
  return { disk, again, before, file }
}

test('metadata that one bit keeps from naming the topic, or that names none any more, is written anew', async () => {
  const damages: ((content: Buffer) => Buffer | undefined)[] = [
    ...Array.from({ length: 44 * 8 }, (_, bit) => (content: Buffer) => {
      content.writeUInt8(content.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      return content
    }),
    (content) => content.fill(0),
    (content) => content.subarray(0, 20),
    () => undefined,
  ]
  for (const damage of damages) {
    const { disk, again, before, file } = await startWithMetadata(damage)
    assert.deepEqual(await valuesIn(disk, again), ['a'])
    assert.deepEqual(disk.contentOf(file), before)
    await again.close()
  }
})

test('metadata that names another topic, or none where segments are missing, keeps the partition offline', async () => {
  const { again } = await startWithMetadata((content) => {
    content.write('zz', 21)
    return content
  })
  assert.match(partitionOf(again, 0).offlineReason ?? '', /belongs to topic id/)
  await again.close()
  const { disk, log, placements } = await fresh()
  await put(log, 0, ['a'])
  await log.close()
  await disk.unlink(`${LOG_DIRECTORY}/orders-0/partition.metadata`)
  await disk.unlink(`${LOG_DIRECTORY}/orders-0/00000000000000000000.log`)
  const without = await openLog(disk, placements)
  assert.match(partitionOf(without, 0).offlineReason ?? '', /belongs to topic id unknown/)
  await without.close()
})

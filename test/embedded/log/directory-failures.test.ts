import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchOf, brokerError, EPOCH_MS } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import {
  LOG_DIRECTORY,
  newDisk,
  openLog,
  partitionOf,
  placementOf,
  storedIs,
  tinyLimits,
} from '../../support/log-directory-fixture.ts'
import { fresh, put, valuesIn } from './fresh-log.ts'

test('a failed sync poisons the directory: that round is unknown, later ones are refused, reads go on', async () => {
  const { disk, log } = await fresh()
  await put(log, 0, ['durable'])
  disk.fail({ kinds: ['writeDurably', 'datasync'], pathContains: 'journal', nth: 1, code: 'EIO' })
  await assert.rejects(put(log, 0, ['lost?']), storedIs('unknown'))
  assert.equal(log.state, 'read-only')
  assert.deepEqual(
    log.troubles().map(({ kind }) => kind),
    ['log-dir-poisoned'],
  )
  const calls = [...disk.calls.values()].reduce((sum, count) => sum + count, 0)
  await assert.rejects(put(log, 0, ['refused']), brokerError('KAFKA_STORAGE_ERROR', { stored: 'no' }))
  assert.equal(
    [...disk.calls.values()].reduce((sum, count) => sum + count, 0),
    calls,
  )
  assert.deepEqual(await valuesIn(disk, log), ['durable'])
  await log.close()
})

test('a segment that cannot be made takes the directory offline, and nothing is stored', async () => {
  const { disk, log } = await fresh(1, { 'segment.bytes': '1048576', 'segment.ms': '1' })
  await put(log, 0, ['a'])
  disk.fail({ kinds: ['open'], pathContains: '.log', nth: 1, code: 'EACCES' })
  const later = { bytes: batchOf(['b'], EPOCH_MS + 1000).bytes, recordCount: 1, maxTimestamp: EPOCH_MS + 1000 }
  await assert.rejects(log.append([{ log: partitionOf(log, 0), batches: [later] }], 'all'), storedIs('no'))
  assert.equal(log.state, 'offline')
})

test('a full disk refuses before anything is written, gives up the reserve when it must, and heals by itself', async () => {
  const disk = await newDisk({ totalBytes: 3_000_000 })
  const clock = new FakeClock()
  const limits = { ...tinyLimits, lowWaterBytes: 1_000_000 }
  const log = await openLog(disk, [], { clock, limits })
  await log.createPartition(placementOf(0))
  const written: string[] = []
  const fill = async (): Promise<void> => {
    for (;;) {
      const value = `${written.length} ${'x'.repeat(4000)}`
      await put(log, 0, [value])
      written.push(value)
    }
  }
  await assert.rejects(fill(), storedIs('no'))
  assert.ok(written.length > 100)
  assert.equal(log.state, 'online')
  assert.deepEqual(
    log.troubles().map(({ kind }) => kind),
    ['disk-full'],
  )
  assert.deepEqual(await valuesIn(disk, log), written)
  disk.totalBytes = 10_000_000
  clock.advance(1000)
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(log.troubles(), [])
  await put(log, 0, ['healed'])
  await log.close()
})

test('while publishing is refused for want of space, the server’s own records go on down to a last reserve', async () => {
  const disk = await newDisk()
  const internal = { ...placementOf(1), topic: '__consumer_offsets' }
  const clock = new FakeClock()
  const log = await openLog(disk, [], { clock, limits: { ...tinyLimits, lowWaterBytes: 64_000 } })
  await log.createPartitions([placementOf(0), internal])
  const publishTo = (partition: number) =>
    log.append([{ log: partitionOf(log, partition), batches: [batchOf(['x'])] }], 'all')
  const setFree = async (bytes: number): Promise<void> => {
    disk.totalBytes += bytes - (await disk.space()).freeBytes
    clock.advance(1000)
    for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve))
  }
  await publishTo(0)
  await setFree(40_000)
  await assert.rejects(publishTo(0), brokerError('KAFKA_STORAGE_ERROR'))
  await publishTo(1)
  // In one step with what is refused, too.
  const [refused, taken] = await Promise.allSettled([publishTo(0), publishTo(1)])
  assert.deepEqual([refused.status, taken.status], ['rejected', 'fulfilled'])
  assert.equal(partitionOf(log, 1).highWatermark, 2)
  await setFree(6000)
  await assert.rejects(publishTo(1), brokerError('KAFKA_STORAGE_ERROR'))
  await setFree(1_000_000)
  await publishTo(0)
  await publishTo(1)
  await log.close()
})

test('a lazy write that meets a full disk stays in memory, stops publishing, and goes through once there is space', async () => {
  const { disk, log, clock, placements } = await fresh()
  await put(log, 0, ['kept'])
  disk.fail({ kinds: ['write'], pathContains: '.log', nth: 1, code: 'ENOSPC', sticky: true })
  const settle = async (): Promise<void> => {
    for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve))
  }
  clock.advance(100)
  await settle()
  await assert.rejects(put(log, 0, ['refused']), storedIs('no'))
  assert.deepEqual(await valuesIn(disk, log), ['kept'])
  disk.healFaults()
  clock.advance(1000)
  await settle()
  await put(log, 0, ['taken'])
  assert.deepEqual(log.troubles(), [])
  await log.close()
  const survivor = disk.crash('none')
  assert.deepEqual(await valuesIn(survivor, await openLog(survivor, placements)), ['kept', 'taken'])
})

test('a partition whose directory is missing is offline, never made anew; what the journal owes it waits', async () => {
  const { disk, log, placements } = await fresh(2)
  for (let i = 0; i < 5; i++) await put(log, 0, [`zero ${i}`])
  await put(log, 1, ['one'])
  const survivor = disk.kill()
  await survivor.rename(`${LOG_DIRECTORY}/orders-0`, '/elsewhere')
  for (let starts = 0; starts < 2; starts++) {
    const without = await openLog(survivor, placements)
    assert.equal(without.state, 'online', without.reason)
    assert.match(partitionOf(without, 0).offlineReason ?? '', /is missing/)
    assert.ok(!(await survivor.readdir(LOG_DIRECTORY)).includes('orders-0'))
    await assert.rejects(put(without, 0, ['x']), storedIs('no'))
    // Enough for both journal files to be overwritten several times.
    for (let i = 0; i < 60; i++) await put(without, 1, [`one ${starts} ${i} ${'x'.repeat(4000)}`])
    await without.close()
  }
  await survivor.rename('/elsewhere', `${LOG_DIRECTORY}/orders-0`)
  const back = await openLog(survivor, placements)
  assert.deepEqual(await valuesIn(survivor, back), ['zero 0', 'zero 1', 'zero 2', 'zero 3', 'zero 4'])
  assert.deepEqual(
    (await survivor.readdir(LOG_DIRECTORY)).filter((name) => name.startsWith('held-')),
    [],
  )
  assert.equal((await put(back, 0, ['next']))[0]?.baseOffset, 5)
})

test('another topic’s directory is never adopted', async () => {
  const { disk, log } = await fresh()
  await put(log, 0, ['a'])
  await log.close()
  const foreign = { ...placementOf(0), topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' }
  const again = await openLog(disk, [foreign])
  assert.match(again.partition(foreign.topicId, 0)?.offlineReason ?? '', /belongs to topic id/)
  await assert.rejects(again.createPartition({ ...foreign, partition: 0 }), storedIs('no'))
})

test('a directory with partitions but without its journal is offline, and nothing in it is touched', async () => {
  const { disk, log, placements } = await fresh()
  await put(log, 0, ['a'])
  await log.close()
  const path = `${LOG_DIRECTORY}/orders-0/00000000000000000000.log`
  const before = disk.contentOf(path)
  await disk.unlink(`${LOG_DIRECTORY}/journal-0`)
  await disk.unlink(`${LOG_DIRECTORY}/journal-1`)
  const again = await openLog(disk, placements)
  assert.equal(again.state, 'offline')
  assert.match(again.reason ?? '', /journal .* is missing/)
  assert.deepEqual(disk.contentOf(path), before)
  await assert.rejects(put(again, 0, ['x']), storedIs('no'))
  await again.close()
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FileSystem, OpenOptions } from '../../../src/embedded/file-system.ts'
import { PartitionReader } from '../../../src/embedded/log/partition-reader.ts'
import type { PartitionView } from '../../../src/embedded/log/partition-view.ts'
import { segmentFileName } from '../../../src/embedded/log/segment-name.ts'
import { batchOf, brokerError } from '../../support/engine-records.ts'
import {
  LOG_DIRECTORY,
  TOPIC_ID,
  openLog,
  partitionOf,
  placementOf,
  recordsIn,
  seeded,
} from '../../support/log-directory-fixture.ts'
import type { MemoryFileSystem } from '../../support/memory-file-system.ts'
import { MemorySegmentIndex } from '../../support/memory-segment-index.ts'
import { cleanedOf } from '../../support/segment-change-log.ts'
import {
  DELETE_DELAY_MS,
  placements,
  publish,
  prepared,
  valuesIn,
  readAll,
  segmentNames,
  namesOf,
  reopened,
  changed,
  old,
  started,
} from './changed-log.ts'

/** Random logs that are crashed at every step of a change of theirs. */
const LOGS = Number(process.env['SEGMENT_CHANGE_LOGS'] ?? 200)

test('a crash at any step of a change leaves the log as it was or as it was to be, and what came meanwhile', async () => {
  let crashes = 0
  let completed = 0
  for (let seed = 1; seed <= LOGS; seed++) {
    const random = seeded(seed)
    const start = await prepared(8 + Math.floor(random() * 14), random)
    const before = await valuesIn(start, await openLog(start, placements))
    const undisturbed = await changed(start, seed, 0, random)
    assert.ok(undisturbed.applied)
    const after = old((await recordsIn(undisturbed.disk, partitionOf(undisturbed.log, 0))).map(({ value }) => value))
    for (let nth = 1; ; nth++) {
      const { survivor, acknowledged, applied, log: crashedLog } = await changed(start, seed, nth, random)
      await crashedLog.close()
      if (!survivor) break
      crashes++
      const { disk, log } = await reopened(survivor, random)
      const values = await valuesIn(disk, log)
      const isAfter = old(values).length === after.length
      if (isAfter && after.length < before.length) completed++
      assert.deepEqual(old(values), isAfter ? after : before, `log ${seed}, call ${nth}`)
      assert.ok(isAfter || !applied, `log ${seed}, call ${nth}: undone`)
      for (const value of acknowledged) assert.ok(values.includes(value), `log ${seed}, call ${nth}: ${value} is lost`)
      assert.deepEqual(await segmentNames(disk), namesOf(log), `log ${seed}, call ${nth}`)
      await publish(log, 'new/4')
      await log.close()
      const again = await openLog(disk, placements)
      assert.deepEqual(await valuesIn(disk, again), [...values, 'new/4'])
    }
  }
  assert.ok(crashes > LOGS * 6 && completed > LOGS, `${crashes} crashes, ${completed} behind the checkpoint`)
})

test('reads that a change overtakes see the log as it was or as it is, never damage', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seeded(seed)
    const disk = await prepared(14, random)
    const { log, files, partition } = await started(disk)
    const reader = new PartitionReader({ files, index: new MemorySegmentIndex() })
    const all = new Map((await recordsIn(disk, partition)).map(({ offset, value }) => [offset, value]))
    // Slow enough that another file may have come to lie where one is opened.
    disk.slowness = (kind, path) => Math.ceil(random() * (kind === 'open' && path.endsWith('.log') ? 60 : 2))
    const changes = (async () => {
      for (let round = 0; round < 3; round++) {
        const removed = partition.segments.slice(0, -1)
        const share = 0.3 + random() * 0.7
        await log.applyChange(partition, await cleanedOf(disk, partition, removed, () => random() < share))
      }
      const removed = partition.segments.slice(0, 1)
      if (partition.segments.length > 1) await log.applyChange(partition, { removed, added: [] })
    })()
    const reads = Array.from({ length: 4 }, async () => {
      for (let times = 0; times < 6; times++) {
        for (const { offset, value } of await readAllOrPassed(reader, partition)) assert.equal(value, all.get(offset))
        const found = await reader.findByTime(partition, 0)
        assert.ok(found === null || all.has(found.offset))
        await files.closeIdle()
      }
    })
    await Promise.all([changes, ...reads])
    assert.deepEqual([...reader.damage], [], `seed ${seed}`)
  }
})

/** As `readAll`; ends where the log start passes the reader. */
async function readAllOrPassed(reader: PartitionReader, log: PartitionView) {
  return readAll(reader, log).catch((error: unknown) => {
    brokerError('OFFSET_OUT_OF_RANGE')(error)
    return []
  })
}

test('a change whose checkpoint cannot be taken leaves the log as it was, and can be made later', async () => {
  const disk = await prepared(14, seeded(3))
  const { log, partition } = await started(disk)
  const [other] = await log.createPartitions([placementOf(1)])
  assert.ok(other)
  const segments = partition.segments
  const change = await cleanedOf(disk, partition, segments.slice(0, 2), () => true)
  await log.append([{ log: other, batches: [batchOf(['waits for the disk'])] }], 'all')
  disk.fail({ kinds: ['write'], pathContains: 'orders-1', nth: 1, code: 'ENOSPC', sticky: true })
  await assert.rejects(log.applyChange(partition, change))
  assert.equal(log.state, 'online')
  assert.equal(partition.segments, segments)
  assert.deepEqual(await segmentNames(disk), namesOf(log), 'what was prepared is gone')
  disk.healFaults()
  const again = await cleanedOf(disk, partition, segments.slice(0, 2), () => true)
  assert.equal(await log.applyChange(partition, again), true)
  assert.equal(partition.segments.length, segments.length - 1)
})

/** The journal's next durable write reports a failure, though it is there. */
function failingLate(disk: MemoryFileSystem): FileSystem {
  return new Proxy<FileSystem>(disk, {
    get(target, name) {
      if (name !== 'open') {
        const member: unknown = Reflect.get(target, name)
        return typeof member === 'function' ? member.bind(target) : member
      }
      return async (path: string, options?: OpenOptions) => {
        const file = await target.open(path, options)
        if (!path.includes('journal-')) return file
        return {
          ...file,
          writeDurably: async (buffers: readonly Uint8Array[], position: number) => {
            await file.writeDurably(buffers, position)
            if (late.armed) throw Object.assign(new Error('EIO'), { code: 'EIO' })
          },
        }
      }
    },
  })
}
const late = { armed: false }

test('where nobody knows whether the checkpoint is there, both sides are kept for the next start to choose', async () => {
  const disk = await prepared(30, seeded(4))
  const log = await openLog(failingLate(disk), placements)
  const partition = partitionOf(log, 0)
  const change = await cleanedOf(disk, partition, partition.segments.slice(0, 3), (from) => from % 2 === 0)
  const before = await recordsIn(disk, partition)
  late.armed = true
  await assert.rejects(log.applyChange(partition, change))
  late.armed = false
  assert.equal(log.state, 'read-only')
  assert.deepEqual(await recordsIn(disk, partition), before, 'reads go on in what was')
  const next = await openLog(disk.kill(), placements)
  assert.deepEqual(partitionOf(next, 0).fenced, [])
  assert.equal(partitionOf(next, 0).segments[0]?.generation, 1)
})

test('removed files stay for a while, so that reads in progress finish; a start does not wait', async () => {
  const disk = await prepared(30, seeded(5))
  const { log, clock, partition } = await started(disk)
  const removed = partition.segments.slice(0, 2)
  assert.ok(await log.applyChange(partition, { removed, added: [] }))
  assert.equal(partition.logStartOffset, partition.segments[0]?.baseOffset)
  const deleted = removed.map(({ baseOffset }) => segmentFileName(baseOffset).replace('.log', '.0.log.deleted'))
  assert.deepEqual(await segmentNames(disk), [...deleted, ...namesOf(log)].sort())
  clock.advance(DELETE_DELAY_MS - 1)
  await turns(50)
  assert.equal((await segmentNames(disk)).length, deleted.length + namesOf(log).length)
  clock.advance(1)
  await turns(50)
  assert.deepEqual(await segmentNames(disk), namesOf(log))

  assert.ok(await log.applyChange(partition, { removed: partition.segments.slice(0, 1), added: [] }))
  await log.close()
  const { log: next } = await started(disk)
  assert.deepEqual(await segmentNames(disk), namesOf(next))
})

test('a change that no longer fits is refused, and what was prepared for it goes', async () => {
  const disk = await prepared(14, seeded(6))
  const { log, partition } = await started(disk)
  const removed = partition.segments.slice(0, 2)
  const change = await cleanedOf(disk, partition, removed, () => true)
  const [first, second] = await Promise.all([
    log.applyChange(partition, { removed, added: [] }),
    log.applyChange(partition, change),
  ])
  assert.equal(Number(first) + Number(second), 1)
  assert.equal(
    await log.applyChange(partition, { removed: partition.segments, added: [] }),
    false,
    'the active one stays',
  )
  const { length } = partition.segments
  assert.equal(await log.applyChange(partition, { removed: partition.segments.slice(1, 2), added: [] }), length < 2)
  await log.close()
  await started(disk)
  for (const name of await segmentNames(disk)) assert.match(name, /^\d{20}\.log$/)
})

test('a topic that is deleted while a change of it is made is gone, and the directory is well', async () => {
  for (let wait = 0; wait < 40; wait++) {
    const disk = await prepared(14, seeded(7))
    const { log, partition } = await started(disk)
    const change = await cleanedOf(disk, partition, partition.segments.slice(0, 2), () => true)
    const applied = log.applyChange(partition, change).catch(() => false)
    await turns(wait)
    await log.dropTopic(TOPIC_ID)
    await applied
    assert.equal(log.state, 'online', log.reason)
    assert.ok((await disk.readdir(LOG_DIRECTORY)).every((name) => !name.startsWith('orders-')))
    await log.close()
  }
})

test('an active segment is rolled between rounds, whatever is appended meanwhile', async () => {
  const random = seeded(8)
  const disk = await prepared(3, random)
  const { log, partition } = await started(disk)
  const values: string[] = []
  const work: Promise<unknown>[] = []
  for (let step = 0; step < 120; step++) {
    const value = `${step}/${'x'.repeat(random() < 0.2 ? 7000 : 20)}`
    values.push(value)
    work.push(
      log
        .append([{ log: partition, batches: [batchOf([value])] }], 'all')
        .catch(() => values.splice(values.indexOf(value), 1)),
    )
    if (random() < 0.4) work.push(log.rollActive(partition))
    await turns(Math.floor(random() * 5))
  }
  await Promise.all(work)
  await log.rollActive(partition)
  assert.equal(await log.rollActive(partition), false, 'an empty one is not rolled')
  const { disk: crashedDisk, log: next } = await reopened(disk.kill(), () => 0.9)
  const found = await valuesIn(crashedDisk, next)
  for (const value of values) assert.ok(found.includes(value))
})

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

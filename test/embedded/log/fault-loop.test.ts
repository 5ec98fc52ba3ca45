import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Acks } from '../../../src/broker/append-request.ts'
import type { DirectoryLog } from '../../../src/embedded/log/directory-log.ts'
import { batchOf } from '../../support/engine-records.ts'
import { newDisk, openLog, partitionOf, placementOf, recordsIn, seeded } from '../../support/log-directory-fixture.ts'
import type { Fault, MemoryFileSystem } from '../../support/memory-file-system.ts'

/** Segments of a few kilobytes, so that the script rolls. */
const placement = (partition: number) => {
  const made = placementOf(partition)
  return { ...made, config: () => ({ ...made.config(), segmentBytes: 20_000 }) }
}

interface Promised {
  readonly offset: number
  readonly value: string
}

/** What the script was promised, by partition. */
type Promises = Map<number, Promised[]>

async function append(log: DirectoryLog, partition: number, value: string, promises: Promises, acks: Acks = 'all') {
  const found = log.partition(placement(0).topicId, partition)
  if (!found) return
  const [result] = await log.append([{ log: found, batches: [batchOf([value])] }], acks)
  if (acks === 'all' && result)
    promises.set(partition, [...(promises.get(partition) ?? []), { offset: result.baseOffset, value }])
}

/** Creates, appends, rolls, goes direct, takes checkpoints, closes: each step may fail, and the next is tried all the same. */
async function script(disk: MemoryFileSystem, promises: Promises): Promise<void> {
  const log = await openLog(disk, [placement(0)])
  const attempt = (step: Promise<unknown>): Promise<unknown> => step.catch(() => {})
  await attempt(append(log, 0, 'first', promises))
  await attempt(log.createPartition(placement(1)))
  await attempt(append(log, 1, 'new partition', promises))
  await attempt(append(log, 0, `direct ${'d'.repeat(9000)}`, promises))
  await attempt(append(log, 0, 'one', promises, '1'))
  await attempt(log.checkpoint())
  for (let i = 0; i < 6; i++) await attempt(append(log, 0, `roll ${i} ${'r'.repeat(5000)}`, promises))
  await attempt(append(log, 0, `direct roll ${'d'.repeat(15_000)}`, promises))
  for (let i = 0; i < 8; i++) await attempt(append(log, 1, `fill ${i} ${'f'.repeat(4500)}`, promises))
  await attempt(log.close())
}

async function prepared(): Promise<MemoryFileSystem> {
  const disk = await newDisk()
  const log = await openLog(disk, [])
  await log.createPartition(placement(0))
  await log.close()
  return disk
}

async function check(disk: MemoryFileSystem, promises: Promises, what: string): Promise<void> {
  // As the catalogue would: a partition counts from the moment its creation is durable.
  const created = promises.has(1) ? [placement(0), placement(1)] : [placement(0)]
  const log = await openLog(disk, created)
  assert.equal(log.state, 'online', `${what}: ${log.reason}`)
  for (const [partition, promised] of promises) {
    const records = await recordsIn(disk, partitionOf(log, partition))
    const byOffset = new Map(records.map(({ offset, value }) => [offset, value]))
    for (const { offset, value } of promised)
      assert.equal(byOffset.get(offset), value, `${what}: offset ${offset} is lost`)
    assert.equal(records.length, partitionOf(log, partition).highWatermark, `${what}: a hole`)
  }
  // It takes records again, without a hand.
  const [result] = await log.append([{ log: partitionOf(log, 0), batches: [batchOf(['after'])] }], 'all')
  assert.ok(result)
  await log.close()
}

async function everyCall(fault: Omit<Fault, 'nth'>, step: number): Promise<number> {
  for (let nth = 1; ; nth += step) {
    const disk = await prepared()
    disk.fail({ ...fault, nth })
    const promises: Promises = new Map()
    await script(disk, promises)
    const spent = disk.faultsSpent
    const random = seeded(nth)
    const survivor = nth % 3 === 0 ? disk.kill() : disk.crash(nth % 3 === 1 ? 'none' : 'random', random)
    await check(survivor, promises, `${fault.code} at call ${nth}`)
    if (!spent) return nth
  }
}

for (const code of ['EIO', 'ENOSPC', 'EMFILE'] as const) {
  test(`every call fails once with ${code}: nothing acknowledged is lost, and a restart needs no hand`, async () => {
    assert.ok((await everyCall({ code }, 1)) > 60)
  })
}

test('from every call on the disk is broken: nothing acknowledged is lost', async () => {
  assert.ok((await everyCall({ code: 'EIO', sticky: true }, 3)) > 60)
})

test('from every call on the disk is full: nothing acknowledged is lost', async () => {
  assert.ok((await everyCall({ code: 'ENOSPC', sticky: true }, 3)) > 60)
})

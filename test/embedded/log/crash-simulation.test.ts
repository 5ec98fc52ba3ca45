import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DirectoryLog } from '../../../src/embedded/log/directory-log.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { newDisk, openLog, placementOf, seeded } from '../../support/log-directory-fixture.ts'
import { LogWorkload } from '../../support/log-workload.ts'
import type { MemoryFileSystem } from '../../support/memory-file-system.ts'

const PARTITIONS = 3
const placements = Array.from({ length: PARTITIONS }, (_, partition) =>
  placementOf(partition, { 'segment.bytes': '1048576', 'max.message.bytes': '200000' }),
)
// Kafka's least segment is 1 MiB; rolls are to happen here within a few kilobytes.
const small = placements.map((placement) => ({
  ...placement,
  config: () => ({ ...placement.config(), segmentBytes: 30_000 }),
}))

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Publishes for a while, with checkpoints and idle moments in between; leaves requests unanswered. */
async function work(
  log: DirectoryLog,
  clock: FakeClock,
  workload: LogWorkload,
  random: () => number,
): Promise<Promise<void>[]> {
  const requests: Promise<void>[] = []
  const steps = 5 + Math.floor(random() * 60)
  for (let step = 0; step < steps; step++) {
    const chance = random()
    if (chance < 0.8) requests.push(workload.request(log))
    else if (chance < 0.84) void log.checkpoint().catch(() => {})
    else clock.advance(20)
    for (let turns = Math.floor(random() * 12); turns > 0; turns--) await turn()
  }
  return requests
}

async function simulate(seed: number, cycles: number, syncLies = false): Promise<number> {
  const random = seeded(seed)
  const workload = new LogWorkload(random, PARTITIONS)
  let disk: MemoryFileSystem = await newDisk()
  const first = await openLog(disk, [])
  await first.createPartitions(small)
  await first.close()
  for (let cycle = 0; cycle < cycles; cycle++) {
    disk.syncLies = syncLies
    const clock = new FakeClock()
    const log = await openLog(disk, small, { clock })
    await workload.check(disk, log)
    workload.watch(log)
    const requests = await work(log, clock, workload, random)
    if (random() < 0.15) await log.close()
    const chance = random()
    disk = disk.crash(syncLies || chance < 0.3 ? 'none' : chance < 0.45 ? 'all' : 'random', random)
    await Promise.all(requests)
  }
  disk.syncLies = false
  const log = await openLog(disk, small)
  await workload.check(disk, log)
  await log.close()
  return workload.acknowledged
}

test('nothing acknowledged or visible is lost, and no request is there in part, through crashes at random points', async () => {
  let acknowledged = 0
  for (let seed = 1; seed <= 40; seed++) {
    try {
      acknowledged += await simulate(seed, 6)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
  assert.ok(acknowledged > 500, `only ${acknowledged} requests were acknowledged: the simulation does not bite`)
})

test('a disk whose syncs do nothing is found out', async () => {
  let losses = 0
  for (let seed = 1; seed <= 5; seed++) {
    await simulate(seed, 4, true).catch(() => losses++)
  }
  assert.equal(losses, 5)
})

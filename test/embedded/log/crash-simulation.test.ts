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
  // Sometimes requests come faster than checkpoints, sometimes they are so many that journal files fill at once.
  const hurried = random() < 0.4
  const steps = hurried ? 150 : 5 + Math.floor(random() * 60)
  for (let step = 0; step < steps; step++) {
    const chance = random()
    if (chance < 0.8) requests.push(workload.request(log))
    else if (chance < 0.84) void log.checkpoint().catch(() => {})
    else clock.advance(20)
    for (let turns = Math.floor(random() * (hurried ? 3 : 12)); turns > 0; turns--) await turn()
  }
  return requests
}

/** A power cut, or a kill, or a kill and then a power cut just after the next start. */
function crash(disk: MemoryFileSystem, syncLies: boolean, random: () => number): MemoryFileSystem {
  const chance = random()
  if (syncLies || chance < 0.25) return disk.crash('none')
  if (chance < 0.5) return disk.kill()
  return disk.crash(chance < 0.6 ? 'all' : 'random', random)
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
    const syncTurns = random() < 0.5 ? 1 : Math.floor(random() * 400)
    disk.slowness = (kind, path) => (kind === 'datasync' && path.endsWith('.log') ? syncTurns : 1)
    const clock = new FakeClock()
    const log = await openLog(disk, small, { clock })
    await workload.check(disk, log)
    workload.watch(log)
    const requests = random() < 0.15 ? [] : await work(log, clock, workload, random)
    if (random() < 0.15) await log.close()
    disk = crash(disk, syncLies, random)
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

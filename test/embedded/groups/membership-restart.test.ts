import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { JoinAnswer, MemberAnswer } from '../../../src/broker/group-membership.ts'
import { EmbeddedEngine } from '../../../src/embedded/embedded-engine.ts'
import { embeddedOptions, openEmbeddedEngine } from '../../support/embedded-engine.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { MemoryEngine } from '../../support/memory-engine.ts'
import { tempDirectory } from '../../support/temp-directory.ts'
import { EmbeddedGroupCoordinator } from '../../../src/embedded/groups/embedded-group-coordinator.ts'
import { silentLogger } from '../../../src/broker/logger.ts'

const MAX_POLL_MS = 60_000
const GROUPS = 10_000
const MEMBERS = 100
const PARTITIONS = 1000

function join(engine: EmbeddedEngine | MemoryEngine, group: string, memberId: string): Promise<JoinAnswer> {
  return engine.membership.join({ group, memberId, topics: ['orders'], maxPollIntervalMs: MAX_POLL_MS })
}

const partitionsOf = ({ assignment }: MemberAnswer): number[] => assignment.flatMap(({ partitions }) => partitions)

async function reopened(t: TestContext, directory: string, open: EmbeddedEngine): Promise<EmbeddedEngine> {
  await open.close()
  return openEmbeddedEngine(t, { logDirs: [directory] })
}

test('members, epochs, assignments and offsets are on disk', async (t) => {
  const directory = tempDirectory(t)
  const first = await EmbeddedEngine.open(embeddedOptions(t, { logDirs: [directory] }))
  await first.groups.load()
  const { topicId } = await first.topics.create({ name: 'orders', partitionCount: 4, configs: new Map() })
  const a = await join(first, 'g', 'a')
  const b = await join(first, 'g', 'b')
  const identity = { group: 'g', memberId: 'a', memberEpoch: a.memberEpoch }
  const { revoking } = await first.membership.heartbeat(identity)
  const offsets = [{ topic: 'orders', topicId, partition: 2, nextOffset: 7 }]
  await first.membership.commit({ ...identity, offsets, released: revoking })
  const before = await first.membership.describe('g')

  const second = await reopened(t, directory, first)
  assert.deepEqual(await second.membership.describe('g'), before)
  assert.deepEqual(await second.groups.find('g'), {
    group: 'g',
    state: 'Reconciling',
    type: 'consumer',
    memberCount: 2,
  })
  assert.equal((await second.groups.committed('g'))[0]?.nextOffset, 7)
  assert.deepEqual(partitionsOf(await second.membership.heartbeat(identity)), [0, 1])
  const caughtUp = await second.membership.heartbeat({ group: 'g', memberId: 'b', memberEpoch: b.memberEpoch })
  assert.deepEqual(partitionsOf(caughtUp), [2, 3])
})

test('ten thousand groups are read back in short turns, and only once for offsets and members', async () => {
  const clock = new FakeClock()
  const engine = new MemoryEngine(clock)
  await engine.groups.load()
  await engine.create({ name: 'orders', partitionCount: 2, configs: new Map() })
  for (let group = 0; group < GROUPS; group++) await join(engine, `g${group}`, 'a')
  const reads = engine.reads
  const groups = new EmbeddedGroupCoordinator({
    log: engine,
    topics: engine,
    clock,
    logger: silentLogger,
    limits: {
      offsetsTopicPartitions: 3,
      offsetsTopicSegmentBytes: 1_048_576,
      offsetMetadataBytesMax: 4096,
      members: { sessionTimeoutMs: 45_000, heartbeatIntervalMs: 5000, maxSize: 10, assignors: ['uniform'] },
    },
  })
  const began = process.cpuUsage()
  await groups.load()
  const { user, system } = process.cpuUsage(began)
  assert.equal((await groups.list()).length, GROUPS)
  assert.ok((await groups.list()).every(({ state, memberCount }) => state === 'Stable' && memberCount === 1))
  assert.ok(engine.reads - reads < 20, `${engine.reads - reads} reads`)
  // About 0.3 s; what this is to find is work that grows with the square of the groups.
  assert.ok(user + system < 5_000_000, `${(user + system) / 1000} ms of CPU`)
})

test('a rebalance of a hundred members and a thousand partitions costs little', async () => {
  const engine = new MemoryEngine(new FakeClock())
  await engine.groups.load()
  await engine.create({ name: 'orders', partitionCount: PARTITIONS, configs: new Map() })
  const epochs = new Map<string, number>()
  const follow = async (memberId: string): Promise<number> => {
    const identity = { group: 'g', memberId, memberEpoch: epochs.get(memberId) ?? 0 }
    let answer = await engine.membership.heartbeat(identity)
    const { memberEpoch, revoking } = answer
    if (revoking.length > 0)
      answer = await engine.membership.heartbeat({ ...identity, memberEpoch, released: revoking })
    epochs.set(memberId, answer.memberEpoch)
    return partitionsOf(answer).length
  }
  const members = Array.from({ length: MEMBERS }, (_, index) => `m${index}`)
  const costs: number[] = []
  for (const memberId of members) {
    const began = process.cpuUsage()
    epochs.set(memberId, (await join(engine, 'g', memberId)).memberEpoch)
    for (let round = 0; round < 2; round++) for (const other of epochs.keys()) await follow(other)
    const { user, system } = process.cpuUsage(began)
    costs.push((user + system) / 1000)
  }
  assert.equal((await engine.membership.describe('g'))?.state, 'Stable')
  assert.deepEqual(new Set(await Promise.all(members.map(follow))), new Set([PARTITIONS / MEMBERS]))
  // A few milliseconds once the code is warm; the bound leaves room for a busy machine.
  const last = costs.slice(-10).sort((one, other) => one - other)[5] ?? 0
  assert.ok(last < 50, `${last} ms of CPU for a join that everybody follows`)
})

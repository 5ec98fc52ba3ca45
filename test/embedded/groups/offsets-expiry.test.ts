import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { silentLogger } from '../../../src/broker/logger.ts'
import { EmbeddedGroupCoordinator } from '../../../src/embedded/groups/embedded-group-coordinator.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { MemoryEngine } from '../../support/memory-engine.ts'

const HOUR = 3_600_000
const WEEK = 7 * 24 * HOUR

const limits = {
  offsetsTopicPartitions: 5,
  offsetsTopicSegmentBytes: 1_048_576,
  offsetMetadataBytesMax: 16,
  members: { sessionTimeoutMs: 45_000, heartbeatIntervalMs: 5000, maxSize: 10_000, assignors: ['uniform', 'range'] },
}

async function setup(t: TestContext) {
  const clock = new FakeClock()
  const engine = new MemoryEngine(clock)
  const trust = { isGood: true }
  const expiry = { retentionMs: WEEK, checkIntervalMs: HOUR, mayDeleteAfter: () => trust.isGood }
  const start = async (): Promise<EmbeddedGroupCoordinator> => {
    const groups = new EmbeddedGroupCoordinator({
      log: engine,
      topics: engine,
      clock,
      logger: silentLogger,
      limits,
      expiry,
    })
    await groups.load()
    t.after(() => groups.close())
    return groups
  }
  const groups = await start()
  for (const name of ['orders', 'payments']) await engine.create({ name, partitionCount: 2, configs: new Map() })
  /** Hours go by, each with its check. */
  const pass = async (hours: number): Promise<void> => {
    for (let hour = 0; hour < hours; hour++) {
      clock.advance(HOUR)
      for (let turn = 0; turn < 6; turn++) await nextTurn()
    }
  }
  return { clock, engine, groups, trust, start, pass }
}

const commit = (groups: EmbeddedGroupCoordinator, group: string, topic: string, partition = 0) =>
  groups.commit(group, [{ topic, partition, nextOffset: 1 }], 'advance')

test('an offset is forgotten when nobody renewed it for the retention time, and its group with the last one', async (t) => {
  const { groups, pass, start } = await setup(t)
  await commit(groups, 'a', 'orders')
  await pass(100)
  await commit(groups, 'a', 'payments')
  await pass(67)
  assert.equal((await groups.committed('a')).length, 2)
  await pass(1)
  assert.deepEqual(
    (await groups.committed('a')).map(({ topic }) => topic),
    ['payments'],
  )
  await pass(100)
  assert.deepEqual(await groups.list(), [])
  const restarted = await start()
  assert.deepEqual(await restarted.list(), [])
})

test('what a member is subscribed to stays, whatever its age', async (t) => {
  const { groups, clock, pass } = await setup(t)
  await commit(groups, 'a', 'orders')
  await commit(groups, 'a', 'payments')
  const member = { group: 'a', memberId: 'm1' }
  await groups.membership.join({ ...member, topics: ['orders'], maxPollIntervalMs: 60_000 })
  const release = groups.membership.holdSession('a', 'm1')
  await pass(200)
  assert.deepEqual(
    (await groups.committed('a')).map(({ topic }) => topic),
    ['orders'],
  )
  release()
  clock.advance(50_000)
  await pass(2)
  assert.equal((await groups.committed('a')).length, 1)
  await pass(7 * 24)
  assert.deepEqual(await groups.list(), [])
})

test('what a member was subscribed to until now stays for nearly the retention time, through a restart too', async (t) => {
  const { groups, clock, pass, start } = await setup(t)
  await commit(groups, 'a', 'orders')
  await groups.membership.join({ group: 'a', memberId: 'm1', topics: ['orders'], maxPollIntervalMs: 60_000 })
  const release = groups.membership.holdSession('a', 'm1')
  await pass(400)
  release()
  await groups.close()
  const restarted = await start()
  clock.advance(50_000)
  await pass(5 * 24)
  assert.equal((await restarted.committed('a'))[0]?.nextOffset, 1)
  await pass(2 * 24)
  assert.deepEqual(await restarted.list(), [])
})

test('an offset that is committed again counts from then, whether it moves or not', async (t) => {
  const { groups, pass } = await setup(t)
  for (let day = 0; day < 10; day++) {
    await commit(groups, 'a', 'orders')
    await pass(24)
    assert.equal((await groups.committed('a')).length, 1)
  }
  await pass(7 * 24)
  assert.deepEqual(await groups.list(), [])
})

test('while the clock is doubted nothing is forgotten', async (t) => {
  const { groups, trust, pass } = await setup(t)
  await commit(groups, 'a', 'orders')
  trust.isGood = false
  await pass(200)
  assert.equal((await groups.committed('a')).length, 1)
  trust.isGood = true
  await pass(1)
  assert.deepEqual(await groups.list(), [])
})

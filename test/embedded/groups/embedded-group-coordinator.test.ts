import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import { silentLogger } from '../../../src/broker/logger.ts'
import { EmbeddedGroupCoordinator } from '../../../src/embedded/groups/embedded-group-coordinator.ts'
import type { OffsetsLog } from '../../../src/embedded/groups/group-coordinator-options.ts'
import { batchOf, brokerError } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { MemoryEngine } from '../../support/memory-engine.ts'
import { HeldLog } from './held-log.ts'

const limits = {
  offsetsTopicPartitions: 5,
  offsetsTopicSegmentBytes: 1_048_576,
  offsetMetadataBytesMax: 16,
  members: { sessionTimeoutMs: 45_000, heartbeatIntervalMs: 5000, maxSize: 10_000, assignors: ['uniform', 'range'] },
}

interface Setup {
  readonly engine: MemoryEngine
  readonly log: HeldLog
  readonly clock: FakeClock
  readonly groups: EmbeddedGroupCoordinator
  /** Another coordinator over the same log, as after a restart. */
  readonly restart: () => EmbeddedGroupCoordinator
}

async function setup(): Promise<Setup> {
  const clock = new FakeClock()
  const engine = new MemoryEngine(clock)
  const log = new HeldLog(engine)
  const restart = (): EmbeddedGroupCoordinator =>
    new EmbeddedGroupCoordinator({ log, topics: engine, clock, logger: silentLogger, limits })
  const groups = restart()
  await groups.load()
  await engine.create({ name: 'orders', partitionCount: 3, configs: new Map() })
  return { engine, log, clock, groups, restart }
}

const at = (nextOffset: number, partition = 0) => ({ topic: 'orders', partition, nextOffset })
const positions = async (groups: EmbeddedGroupCoordinator, group: string) =>
  (await groups.committed(group)).map(({ partition, nextOffset }) => [partition, nextOffset])

test('the internal topic is created with the first commit, once', async () => {
  const { engine, groups } = await setup()
  assert.equal(engine.find('__consumer_offsets'), undefined)
  await Promise.all([groups.commit('a', [at(1)], 'advance'), groups.commit('b', [at(1)], 'advance')])
  const topic = engine.find('__consumer_offsets')
  assert.equal(topic?.partitionCount, 5)
  assert.equal(topic?.internal, true)
  assert.equal(topic?.configs.get('cleanup.policy'), 'compact')
  assert.equal(topic?.configs.get('segment.bytes'), '1048576')
})

test('what was committed, set, forgotten and deleted is the same after a restart', async () => {
  const { groups, restart, clock } = await setup()
  await groups.commit('a', [{ ...at(5, 2), metadata: 'note' }, at(3, 0)], 'advance')
  clock.advance(10)
  await groups.commit('a', [at(4, 2)], 'set')
  await groups.commit('b', [at(1)], 'advance')
  await groups.commit('c', [at(1)], 'advance')
  await groups.delete('b')
  assert.equal(await groups.forget('c'), 1)
  const again = restart()
  await again.load()
  assert.deepEqual(await again.list(), await groups.list())
  assert.deepEqual(await again.committed('a'), await groups.committed('a'))
  assert.deepEqual(await positions(again, 'a'), [
    [0, 3],
    [2, 4],
  ])
  assert.equal(await again.find('b'), undefined)
})

test('readers see a commit when it is durable, not before', async () => {
  const { groups, log } = await setup()
  await groups.commit('a', [at(1)], 'advance')
  log.hold = true
  const commit = groups.commit('a', [at(2)], 'advance')
  await settled()
  assert.deepEqual(await positions(groups, 'a'), [[0, 1]])
  log.release()
  await commit
  assert.deepEqual(await positions(groups, 'a'), [[0, 2]])
})

test('concurrent commits of a group go into one write, and an older one never moves it back', async () => {
  const { groups, log, restart } = await setup()
  await groups.commit('a', [at(1)], 'advance')
  log.hold = true
  const first = groups.commit('a', [at(5)], 'advance')
  await settled()
  const others = [9, 3, 7].map((offset) => groups.commit('a', [at(offset)], 'advance'))
  await settled()
  log.release()
  await first
  const answers = await Promise.all(others)
  assert.deepEqual(
    answers.map(([answer]) => answer?.nextOffset),
    [9, 9, 9],
  )
  assert.equal(log.appends.length, 3)
  const again = restart()
  await again.load()
  assert.deepEqual(await positions(again, 'a'), [[0, 9]])
})

test('an older commit writes nothing', async () => {
  const { groups, log } = await setup()
  await groups.commit('a', [at(5)], 'advance')
  await groups.commit('a', [at(5)], 'advance')
  await groups.commit('a', [at(4)], 'advance')
  assert.equal(log.appends.length, 1)
})

test('a write that fails changes nothing, and fails what was decided on it', async () => {
  const { groups, log } = await setup()
  await groups.commit('a', [at(1)], 'advance')
  log.hold = true
  const held = groups.commit('a', [at(2)], 'advance')
  await settled()
  const newer = groups.commit('a', [at(9)], 'advance')
  const older = groups.commit('a', [at(5)], 'advance')
  log.failure = new BrokerError('KAFKA_STORAGE_ERROR', 'The disk is gone.', { stored: 'unknown' })
  log.release()
  await Promise.all([held, newer, older].map((commit) => assert.rejects(commit, brokerError('KAFKA_STORAGE_ERROR'))))
  assert.deepEqual(await positions(groups, 'a'), [[0, 1]])
  log.failure = undefined
  await groups.commit('a', [at(5)], 'advance')
  assert.deepEqual(await positions(groups, 'a'), [[0, 5]])
})

test('unknown topics and partitions and long metadata are refused by entry', async () => {
  const { groups } = await setup()
  const answers = await groups.commit(
    'a',
    [{ topic: 'none', partition: 0, nextOffset: 1 }, at(1, 3), { ...at(1, 1), metadata: 'x'.repeat(17) }, at(1)],
    'advance',
  )
  brokerError('UNKNOWN_TOPIC_OR_PARTITION')(answers[0]?.error)
  brokerError('UNKNOWN_TOPIC_OR_PARTITION')(answers[1]?.error)
  brokerError('OFFSET_METADATA_TOO_LARGE')(answers[2]?.error)
  assert.deepEqual(await positions(groups, 'a'), [[0, 1]])
})

test('a topic made again adopts nothing, also where the deletion was cut short by a crash', async () => {
  const { groups, engine, restart } = await setup()
  await groups.commit('a', [at(7)], 'advance')
  // The engine's own coordinator is told; this one is not, as if the server had crashed.
  await engine.delete('orders')
  assert.deepEqual(await groups.committed('a'), [])
  assert.equal(await groups.find('a'), undefined)
  await assert.rejects(groups.delete('a'), brokerError('GROUP_ID_NOT_FOUND'))
  await engine.create({ name: 'orders', partitionCount: 1, configs: new Map() })
  const again = restart()
  await again.load()
  assert.deepEqual(await again.committed('a'), [])
  assert.deepEqual(await again.list(), [])
  const [answer] = await again.commit('a', [at(2)], 'advance')
  assert.equal(answer?.nextOffset, 2)
})

test('the offsets of a deleted topic become tombstones; those of its successor stay', async () => {
  const { groups, engine, log } = await setup()
  const old = engine.find('orders')?.topicId ?? ''
  await groups.commit('a', [at(7), at(7, 1)], 'advance')
  await groups.commit('b', [at(7)], 'advance')
  await engine.delete('orders')
  await engine.create({ name: 'orders', partitionCount: 3, configs: new Map() })
  await groups.commit('b', [at(1)], 'advance')
  const before = log.appends.length
  await groups.topicDeleted('orders', old)
  assert.equal(log.appends.length, before + 1)
  assert.equal(log.appends.at(-1)?.parts[0]?.batches[0]?.recordCount, 2)
  assert.deepEqual(await positions(groups, 'b'), [[0, 1]])
})

test('while it loads, everything is refused and the server is not ready', async () => {
  const { groups, log, restart } = await setup()
  await groups.commit('a', [at(1)], 'advance')
  const again = restart()
  log.hold = true
  const loading = again.load()
  const refusal = brokerError('COORDINATOR_LOAD_IN_PROGRESS', { retryAfterSeconds: 1 })
  await assert.rejects(again.list(), refusal)
  await assert.rejects(again.committed('a'), refusal)
  await assert.rejects(again.commit('a', [at(2)], 'advance'), refusal)
  assert.deepEqual(
    again.troubles().map(({ kind, notReady }) => [kind, notReady]),
    [['coordinator-loading', true]],
  )
  log.release()
  await loading
  assert.deepEqual(again.troubles(), [])
  assert.deepEqual(await positions(again, 'a'), [[0, 1]])
})

test('a damaged range is passed over and told', async () => {
  const { groups, engine } = await setup()
  await groups.commit('a', [at(1)], 'advance')
  await groups.commit('a', [at(2, 1)], 'advance')
  const partition = partitionWithRecords(engine)
  const log: OffsetsLog = {
    append: (request) => engine.append(request),
    async read(request) {
      const result = await engine.read(request)
      const [read] = result.partitions
      const [position] = request.positions
      if (read === undefined || position?.partition !== partition || position.offset > 0) return result
      const error = new BrokerError('CORRUPT_MESSAGE', 'Offset 0 is lost.')
      return { partitions: [{ ...read, batches: [], error, nextReadableOffset: 1 }] }
    },
  }
  const again = new EmbeddedGroupCoordinator({
    log,
    topics: engine,
    clock: new FakeClock(),
    logger: silentLogger,
    limits,
  })
  await again.load()
  assert.deepEqual(await positions(again, 'a'), [[1, 2]])
  const [trouble] = again.troubles()
  assert.equal(trouble?.kind, 'committed-offsets-damaged')
  assert.match(trouble?.detail ?? '', /from offset 0 to 0/)
})

test('the groups of a partition that cannot be read are unavailable, the others are served', async () => {
  const { groups, engine, restart } = await setup()
  for (const group of ['a', 'b', 'c', 'd', 'e']) await groups.commit(group, [at(1)], 'advance')
  const partition = partitionWithRecords(engine)
  engine.memoryPartition('__consumer_offsets', partition).failure = new BrokerError('KAFKA_STORAGE_ERROR', 'Offline.')
  const again = restart()
  await again.load()
  const served = (await again.list()).map(({ group }) => group)
  assert.ok(served.length > 0 && served.length < 5)
  for (const group of ['a', 'b', 'c', 'd', 'e']) {
    if (served.includes(group)) assert.deepEqual(await positions(again, group), [[0, 1]])
    else await assert.rejects(again.committed(group), brokerError('COORDINATOR_NOT_AVAILABLE'))
  }
  assert.deepEqual(
    again.troubles().map(({ kind, notReady }) => [kind, notReady]),
    [['coordinator-unavailable', false]],
  )
})

test('records that are no offsets are passed over', async () => {
  const { groups, engine, restart } = await setup()
  await groups.commit('a', [at(1)], 'advance')
  const partition = partitionWithRecords(engine)
  await engine.append({ topic: '__consumer_offsets', parts: [{ partition, batches: [batchOf(['x'])] }], acks: 'all' })
  await groups.commit('a', [at(2)], 'advance')
  const again = restart()
  await again.load()
  assert.deepEqual(await positions(again, 'a'), [[0, 2]])
  assert.match(again.troubles()[0]?.detail ?? '', /1 records? .*passed over/)
})

test('a commit larger than a batch is written in several, and read back whole', async () => {
  const { groups, engine, log, restart } = await setup()
  await engine.create({ name: 'wide', partitionCount: 12_000, configs: new Map() })
  const offsets = Array.from({ length: 12_000 }, (_, partition) => ({
    topic: 'wide',
    partition,
    nextOffset: partition,
  }))
  await groups.commit('a', offsets, 'set')
  assert.ok((log.appends[0]?.parts[0]?.batches.length ?? 0) > 1)
  const again = restart()
  await again.load()
  assert.deepEqual(await again.committed('a'), await groups.committed('a'))
  assert.equal((await again.committed('a')).length, 12_000)
})

test('closing waits for what is under way and refuses what comes', async () => {
  const { groups, log } = await setup()
  await groups.commit('a', [at(1)], 'advance')
  log.hold = true
  const commit = groups.commit('a', [at(2)], 'advance')
  await settled()
  let closed = false
  const closing = groups.close().then(() => (closed = true))
  await settled()
  assert.equal(closed, false)
  await assert.rejects(groups.commit('a', [at(3)], 'advance'), brokerError('SERVER_STOPPING'))
  log.release()
  assert.equal((await commit)[0]?.nextOffset, 2)
  await closing
})

function partitionWithRecords(engine: MemoryEngine): number {
  const found = [0, 1, 2, 3, 4].find((n) => engine.memoryPartition('__consumer_offsets', n).highWatermark > 0)
  assert.ok(found !== undefined)
  return found
}

/** Everything that can happen without time or the outside has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

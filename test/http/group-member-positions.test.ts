import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { type ApiServer, startApi } from './api-server.ts'
import { type Page, TestMember } from './test-member.ts'

async function startWithOrders(t: TestContext, partitions = 2, perPartition = 3): Promise<ApiServer> {
  const server = await startApi(t)
  await server.api.put('/topics/orders').send({ partitions }).expect(201)
  await publish(server, partitions, perPartition)
  return server
}

async function publish({ api }: ApiServer, partitions: number, perPartition: number, from = 0): Promise<void> {
  const records = Array.from({ length: partitions }, (_, partition) =>
    Array.from({ length: perPartition }, (__, i) => ({ partition, value: `${partition}-${from + i}` })),
  ).flat()
  if (records.length > 0) await api.post('/topics/orders/records').send({ records }).expect(200)
}

const gap = (partition: number, fromOffset: number, toOffset: number) => ({
  topic: 'orders',
  partition,
  fromOffset,
  toOffset,
})

/** Retention passes the first offsets of a partition. */
function cut({ engine }: ApiServer, partition: number, logStartOffset: number): void {
  engine.memoryPartition('orders', partition).logStartOffset = logStartOffset
}

test('latest is resolved by the join, so that what comes after it is read by whoever owns the partition', async (t) => {
  const server = await startWithOrders(t)
  const latest = { topics: ['orders'], autoOffsetReset: 'latest' }
  const one = new TestMember(server, 'one')
  await one.join(latest)
  await publish(server, 2, 1, 3)
  await one.leave().expect(204)
  const two = new TestMember(server, 'two')
  await two.join(latest)
  assert.deepEqual((await two.page()).values, ['0-3', '1-3'])
})

test('latest leaves alone what a member reads already, and partitions added later begin at their log start', async (t) => {
  const server = await startWithOrders(t)
  const latest = { topics: ['orders'], autoOffsetReset: 'latest' }
  const member = new TestMember(server, 'one')
  await member.join(latest)
  await server.api.patch('/topics/orders').send({ partitions: 3 }).expect(200)
  await server.api.post('/topics/orders/records').send({ records: [{ partition: 2, value: '2-0' }] })
  assert.deepEqual((await member.page()).values, ['2-0'])
  await member.join(latest)
  assert.deepEqual((await member.page()).values, ['2-0'], 'it was not committed')
})

test('by_duration begins at the time that was when the member joined', async (t) => {
  const server = await startWithOrders(t, 1, 1)
  server.clock.advance(7_200_000)
  await publish(server, 1, 1, 1)
  const member = new TestMember(server, 'a')
  await member.join({ topics: ['orders'], autoOffsetReset: 'by_duration:PT1H' })
  server.clock.advance(40_000)
  assert.deepEqual((await member.page()).values, ['0-1'])
})

test('with none, a partition without a committed offset is an error whose cursor commits where to start', async (t) => {
  const server = await startWithOrders(t)
  const member = new TestMember(server, 'a')
  await member.join({ topics: ['orders'], autoOffsetReset: 'none' })
  const refused = await member.fetch()
  assert.equal(refused.status, 409, refused.text)
  assert.equal(refused.body.code, 'NO_OFFSET_FOR_PARTITION')
  assert.deepEqual(refused.body.partitions, [0, 1])
  const offsets = [0, 1].map((partition) => ({ topic: 'orders', partition, nextOffset: 2 }))
  await member.commit({ cursor: member.cursor, offsets }).expect(200)
  assert.deepEqual((await member.page()).values, ['0-2', '1-2'])

  // A partition that the member got after its last cursor.
  await server.api.patch('/topics/orders').send({ partitions: 3 }).expect(200)
  const added = await member.fetch()
  assert.deepEqual(added.body.partitions, [2])
  const start = [{ topic: 'orders', partition: 2, nextOffset: 0 }]
  await member.commit({ cursor: added.body.cursor, offsets: start }).expect(200)
  assert.deepEqual((await member.page({ cursor: added.body.cursor })).assignment[0]?.partitions, [0, 1, 2])
})

test('a position that retention has passed follows autoOffsetReset, and the page says so', async (t) => {
  const server = await startWithOrders(t)
  const member = new TestMember(server, 'a')
  await member.join()
  const { cursor } = await member.page({ query: '&maxRecords=1' })
  cut(server, 0, 2)
  const page = await member.page({ cursor })
  assert.ok(page.values.includes('1-0'))
  const rest = await member.page()
  assert.deepEqual([...page.gaps, ...rest.gaps], [gap(0, 1, 2)])
  assert.deepEqual([...page.values, ...rest.values].sort(), ['0-2', '1-0', '1-1', '1-2'])
  assert.deepEqual((await member.page()).gaps, [])
})

test('where nothing else can be read, the page begins behind the gap', async (t) => {
  const server = await startWithOrders(t, 1)
  const member = new TestMember(server, 'a')
  await member.join()
  await member.page({ query: '&maxRecords=1' })
  await member.commit().expect(200)
  cut(server, 0, 2)
  const page = await member.page()
  assert.deepEqual(page.gaps, [gap(0, 1, 2)])
  assert.deepEqual(page.values, ['0-2'])
  await member.commit().expect(200)

  await member.join({ topics: ['orders'], autoOffsetReset: 'latest' })
  await publish(server, 1, 2, 3)
  cut(server, 0, 4)
  const latest = await member.page()
  assert.deepEqual(latest.gaps, [gap(0, 3, 5)])
  assert.deepEqual(latest.values, [])
})

test('with none, a position that is gone is 410 with a cursor that accepts the gap', async (t) => {
  const server = await startWithOrders(t, 1)
  const member = new TestMember(server, 'a')
  const offsets = [{ topic: 'orders', partition: 0, nextOffset: 0 }]
  await server.api.post('/consumer-groups/billing/offsets').send({ offsets }).expect(200)
  await member.join({ topics: ['orders'], autoOffsetReset: 'none' })
  cut(server, 0, 2)
  const refused = await member.fetch({ query: '&waitMs=30000' })
  assert.equal(refused.status, 410, refused.text)
  assert.equal(refused.body.code, 'OFFSET_OUT_OF_RANGE')
  assert.equal(refused.body.partitionErrors[0].logStartOffset, 2)
  const page = await member.page({ cursor: refused.body.cursor })
  assert.deepEqual(page.values, ['0-2'])
  assert.equal((await member.fetch()).status, 200)
})

test('a committed offset beyond the end is left once, and reading goes on from there', async (t) => {
  const server = await startWithOrders(t, 1)
  const member = new TestMember(server, 'a')
  await member.join()
  await member.page()
  await member.commit().expect(200)
  const log = server.engine.memoryPartition('orders', 0)
  log.batches.length = 0
  log.highWatermark = 0
  await publish(server, 1, 2, 10)
  const page = await member.page({ query: '&maxRecords=1' })
  assert.deepEqual(page.gaps, [gap(0, 3, 0)])
  assert.deepEqual(page.values, ['0-10'])
  const next = await member.page()
  assert.deepEqual(next.gaps, [])
  assert.deepEqual(next.values, ['0-11'])
})

test('one partition’s trouble does not stop the others', async (t) => {
  const server = await startWithOrders(t)
  const member = new TestMember(server, 'a')
  await member.join()
  const log = server.engine.memoryPartition('orders', 1)
  log.failure = new BrokerError('KAFKA_STORAGE_ERROR', 'The disk is gone.')
  const page = await member.page()
  assert.deepEqual(page.values, ['0-0', '0-1', '0-2'])
  assert.equal(page.upToDate, false)
  assert.equal(page.partitionErrors?.length, 1)
  log.failure = undefined
  assert.deepEqual((await member.page()).values, ['1-0', '1-1', '1-2'])
})

test('more partitions than a cursor can hold are read in turn, as commits make room', async (t) => {
  const partitions = 700
  const server = await startApi(t)
  const topics = ['t0', 't1', 't2', 't3', 't4', 't5', 't6']
  for (const topic of topics) {
    await server.api
      .put(`/topics/${topic}`)
      .send({ partitions: partitions / topics.length })
      .expect(201)
    const records = Array.from({ length: partitions / topics.length }, (_, partition) => ({
      partition,
      value: `${topic}-${partition}`,
    }))
    await server.api.post(`/topics/${topic}/records`).send({ records }).expect(200)
  }
  const member = new TestMember(server, 'a'.repeat(128), 'g'.repeat(249))
  await member.join({ topics, instanceId: 'i'.repeat(128) })
  const seen = new Set<string>()
  for (let round = 0; seen.size < partitions; round += 1) {
    assert.ok(round < 50, `${seen.size} records after ${round} rounds`)
    let page: Page
    do {
      page = await member.page()
      assert.ok(page.cursor.length <= 4096)
      for (const value of page.values) {
        assert.ok(!seen.has(value), `${value} came twice`)
        seen.add(value)
      }
      assert.ok(!page.upToDate || seen.size === partitions)
    } while (page.records.length > 0)
    await member.commit().expect(200)
  }
  assert.equal((await member.page()).upToDate, true)
})

test('records in a partition that the cursor has no room for end the wait', async (t) => {
  const server = await startApi(t)
  const partitions = 400
  await server.api.put('/topics/orders').send({ partitions }).expect(201)
  const member = new TestMember(server, 'a')
  await member.join()
  const waiting = member.page({ query: '&waitMs=30000' })
  while (server.engine.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
  await server.api.post('/topics/orders/records').send({ records: [{ partition: partitions - 1, value: 'x' }] })
  assert.deepEqual((await waiting).values, ['x'])
})

test('records of a partition that is revoked between reading and sending are not sent', async (t) => {
  const server = await startWithOrders(t, 2, 0)
  const one = new TestMember(server, 'one')
  const two = new TestMember(server, 'two')
  await one.join()
  const { cursor } = one
  const read = server.engine.read.bind(server.engine)
  let told: Page['revoking'] = []
  server.engine.read = async (request) => {
    server.engine.read = read
    await publish(server, 2, 1)
    const result = await read(request)
    // The member hears of it by a heartbeat before its page is sent.
    await two.join()
    const heartbeat = await one.heartbeat()
    told = heartbeat.body.revoking
    return result
  }
  const page = await one.page({ cursor })
  assert.equal(told.length, 1)
  assert.deepEqual(page.revoking, told)
  const kept = page.assignment[0]?.partitions[0]
  assert.deepEqual(page.values, [`${kept}-0`])
})

test('a group is described with members, assignments and lag, and listed', async (t) => {
  const server = await startWithOrders(t)
  const member = new TestMember(server, 'a')
  await member.join({ topics: ['orders'], instanceId: 'i-1', maxPollIntervalMs: 60_000, assignor: 'range' })
  const { body } = await server.api.get('/consumer-groups/billing').expect(200)
  const { members, offsets, ...group } = body
  assert.deepEqual(group, {
    group: 'billing',
    state: 'Stable',
    type: 'consumer',
    memberCount: 1,
    groupEpoch: 1,
    assignmentEpoch: 1,
    assignor: 'range',
  })
  const assignment = [{ topic: 'orders', partitions: [0, 1] }]
  const [{ clientId, clientHost, ...described }] = members
  assert.equal(typeof clientId, 'string')
  assert.equal(clientHost, '127.0.0.1')
  assert.deepEqual(described, {
    memberId: 'a',
    instanceId: 'i-1',
    memberEpoch: 1,
    state: 'Stable',
    topics: ['orders'],
    maxPollIntervalMs: 60_000,
    assignment,
    revoking: [],
    target: assignment,
  })
  assert.deepEqual(
    offsets.map(({ partition, nextOffset, endOffset, lag }: Record<string, unknown>) => ({
      partition,
      nextOffset,
      endOffset,
      lag,
    })),
    [0, 1].map((partition) => ({ partition, nextOffset: null, endOffset: 3, lag: null })),
    'also what nothing was committed of',
  )
  const list = await server.api.get('/consumer-groups').expect(200)
  assert.deepEqual(list.body.items, [{ group: 'billing', state: 'Stable', type: 'consumer', memberCount: 1 }])
})

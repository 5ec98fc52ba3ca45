import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ApiServer, startApi } from './api-server.ts'
import { type Page, TestMember } from './test-member.ts'
import { startWithOrders, publish } from './orders-topic.ts'

test('a long poll is answered by the first record', async (t) => {
  const server = await startWithOrders(t)
  const member = new TestMember(server, 'a')
  await member.join()
  const waiting = member.page({ query: '&waitMs=30000' })
  await untilWaiting(server)
  await server.api.post('/topics/orders/records').send({ records: [{ partition: 2, value: 'x' }] })
  assert.deepEqual((await waiting).values, ['x'])
})

test('a long poll is answered when a partition is to be let go, and when one is to be had', async (t) => {
  const server = await startWithOrders(t)
  const one = new TestMember(server, 'one')
  const two = new TestMember(server, 'two')
  await one.join()
  const waiting = one.page({ query: '&waitMs=30000' })
  await untilWaiting(server)
  await two.join()
  const told = await waiting
  assert.equal(told.revoking[0]?.partitions.length, 2)

  const newcomer = two.page({ query: '&waitMs=30000' })
  await one.commit().expect(200)
  assert.equal((await newcomer).assignment[0]?.partitions.length, 2)
})

test('a change whose reply was lost is told again at once', async (t) => {
  const server = await startWithOrders(t)
  const one = new TestMember(server, 'one')
  await one.join()
  const { cursor } = await one.page()
  await new TestMember(server, 'two').join()
  const lost = await one.page({ cursor })
  const repeated = await one.page({ cursor, query: '&waitMs=30000' })
  assert.deepEqual(repeated.revoking, lost.revoking)
})

test('heartbeats that move the member on do not fence its fetch that waits', async (t) => {
  const server = await startWithOrders(t)
  const one = new TestMember(server, 'one')
  const others = ['two', 'three'].map((id) => new TestMember(server, id))
  await one.join()
  const { cursor } = one
  const read = server.engine.read.bind(server.engine)
  server.engine.read = async (request) => {
    server.engine.read = read
    for (const other of others) {
      await other.join()
      await one.heartbeat((await one.heartbeat()).body.revoking)
      await one.heartbeat()
    }
    return read(request)
  }
  const { memberEpoch } = await one.page({ cursor })
  assert.equal(memberEpoch, 3)
})

test('partitions to be let go that do not fit into a cursor are announced one part after the other', async (t) => {
  const server = await startApi(t)
  const topics = Array.from({ length: 64 }, (_, index) => `t${index}`)
  for (const topic of topics) await server.api.put(`/topics/${topic}`).send({ partitions: 2 }).expect(201)
  const one = new TestMember(server, 'one')
  const two = new TestMember(server, 'two')
  await one.join({ topics })
  await two.join({ topics })
  const counts: number[] = []
  const countOf = (held: Page['revoking']): number => held.reduce((sum, { partitions }) => sum + partitions.length, 0)
  for (let left = 64; left > 0;) {
    const page = await one.page({ query: '&waitMs=30000' })
    assert.ok(page.cursor.length <= 4096)
    const announced = countOf(page.revoking)
    assert.ok(announced > 0, 'the next part is announced at once')
    counts.push(announced)
    left -= announced
    await one.commit().expect(200)
  }
  assert.ok(counts.length > 1, String(counts))
  assert.equal(countOf((await two.page()).assignment), 64)
})

test('a newer fetch ends the one before it with an empty page', async (t) => {
  const server = await startWithOrders(t)
  const member = new TestMember(server, 'a')
  await member.join()
  const { cursor } = member
  const older = member.page({ cursor, query: '&waitMs=30000' })
  await untilWaiting(server)
  const newer = member.page({ cursor, query: '&waitMs=30000' })
  assert.deepEqual((await older).values, [])
  await publish(server, 1)
  assert.equal((await newer).records.length > 0, true)
})

test('a long poll ends when its member joins again or leaves', async (t) => {
  const server = await startWithOrders(t)
  const member = new TestMember(server, 'a')
  await member.join()
  const first = member.fetch({ query: '&waitMs=30000' }).then((response) => response)
  await untilWaiting(server)
  await member.join()
  assert.equal((await first).body.code, 'FENCED_MEMBER_EPOCH')
  const second = member.fetch({ query: '&waitMs=30000' }).then((response) => response)
  await untilWaiting(server)
  await member.leave().expect(204)
  assert.equal((await second).body.code, 'UNKNOWN_MEMBER_ID')
})

test('a member that waits stays a member; one that is silent has left', async (t) => {
  const server = await startWithOrders(t)
  const member = new TestMember(server, 'a')
  await member.join()
  const waiting = member.page({ query: '&waitMs=30000' })
  await untilWaiting(server)
  server.clock.advance(30_000)
  await waiting
  server.clock.advance(44_000)
  assert.equal((await member.fetch()).status, 200)
  server.clock.advance(46_000)
  const gone = await member.fetch()
  assert.equal(gone.status, 404, gone.text)
  assert.equal(gone.body.code, 'UNKNOWN_MEMBER_ID')
  assert.equal(gone.body.recovery, 'rejoin')
  const back = await member.join()
  assert.equal(back.status, 201)
})

test('heartbeats keep a member alive until its fetch is too long ago', async (t) => {
  const server = await startWithOrders(t)
  const member = new TestMember(server, 'a')
  await member.join({ topics: ['orders'], maxPollIntervalMs: 60_000 })
  await member.page()
  server.clock.advance(40_000)
  assert.equal((await member.heartbeat()).status, 200)
  server.clock.advance(40_000)
  assert.equal((await member.heartbeat()).status, 200, 'but it keeps nothing alive')
  server.clock.advance(6_000)
  assert.equal((await member.heartbeat()).body.code, 'UNKNOWN_MEMBER_ID')
})

async function untilWaiting({ engine }: ApiServer): Promise<void> {
  while (engine.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
}

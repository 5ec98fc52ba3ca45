import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type ApiServer, type ApiServerOptions, startApi } from './api-server.ts'
import { TestMember } from './test-member.ts'

async function startWithOrders(t: TestContext, options: ApiServerOptions = {}): Promise<ApiServer> {
  const server = await startApi(t, options)
  await server.api.put('/topics/orders').send({ partitions: 2 }).expect(201)
  const records = [0, 1].map((partition) => ({ partition, value: `${partition}-0` }))
  await server.api.post('/topics/orders/records').send({ records }).expect(200)
  return server
}

interface Refusal {
  readonly status: number
  readonly code: string
  readonly pointer?: string
  readonly recovery?: string
}

async function refused(
  response: PromiseLike<{ status: number; text: string; type: string; body: Record<string, unknown> }>,
  { status, code, pointer, recovery }: Refusal,
): Promise<void> {
  const { status: actual, text, type, body } = await response
  assert.equal(actual, status, text)
  assert.equal(type, 'application/problem+json')
  assert.equal(body['code'], code, text)
  assert.equal(typeof body['detail'], 'string')
  if (recovery !== undefined) assert.equal(body['recovery'], recovery)
  if (pointer === undefined) return
  const errors = body['errors']
  assert.ok(Array.isArray(errors) && errors.some((error) => error.pointer === pointer), `${pointer} in ${text}`)
}

const invalid = { status: 400, code: 'INVALID_REQUEST' }
const invalidCursor = { status: 400, code: 'INVALID_CURSOR' }
const unknownTopic = { status: 404, code: 'UNKNOWN_TOPIC_OR_PARTITION' }
const gone = { status: 404, code: 'UNKNOWN_MEMBER_ID', recovery: 'rejoin' }
const memberPath = '/consumer-groups/billing/members/a'

test('a bad join is refused by pointer, and makes neither group nor topic', async (t) => {
  const { api, engine } = await startWithOrders(t)
  const join = (body: object) => api.put(memberPath).send({ topics: ['orders', 'unheard-of'], ...body })
  await refused(join({ assignor: 'sticky' }), { status: 400, code: 'UNSUPPORTED_ASSIGNOR', pointer: '/assignor' })
  await refused(join({ topics: [] }), { ...invalid, pointer: '/topics' })
  await refused(join({ topics: null }), { ...invalid, pointer: '/topics' })
  await refused(join({ topics: [''] }), { ...invalid, pointer: '/topics/0' })
  const many = Array.from({ length: 65 }, (_, index) => `t${index}`)
  await refused(join({ topics: many }), { ...invalid, pointer: '/topics' })
  const badName = { status: 400, code: 'INVALID_TOPIC_EXCEPTION', pointer: '/topics/1' }
  await refused(join({ topics: ['orders', 'a b'] }), badName)
  await refused(join({ topics: ['orders', 'x'.repeat(250)] }), badName)
  await refused(join({ topics: ['orders', '__mine'] }), badName)
  for (const maxPollIntervalMs of [0, -1, 2 ** 31, 1.5, '1000']) {
    await refused(join({ maxPollIntervalMs }), { ...invalid, pointer: '/maxPollIntervalMs' })
  }
  for (const autoOffsetReset of ['newest', 'by_duration:1h', 'by_duration:PT1H ']) {
    await refused(join({ autoOffsetReset }), { ...invalid, pointer: '/autoOffsetReset' })
  }
  for (const instanceId of ['x'.repeat(129), 'a b', '..']) {
    await refused(join({ instanceId }), { ...invalid, pointer: '/instanceId' })
  }
  await refused(join({ sessionTimeoutMs: 1000 }), { ...invalid, pointer: '/sessionTimeoutMs' })
  await refused(api.put(memberPath).send('[]').type('json'), invalid)
  assert.equal((await api.get('/consumer-groups/billing')).status, 404)
  assert.equal(engine.find('unheard-of'), undefined)
})

test('member ids are 1 to 128 of the letters that paths take', async (t) => {
  const { api } = await startWithOrders(t)
  for (const id of ['x'.repeat(300), 'x'.repeat(129), 'a%20b', 'a%2Fb', 'gr%C3%BCn', 'a%00']) {
    const path = `/consumer-groups/billing/members/${id}`
    const pointed = { ...invalid, pointer: 'memberId' }
    await refused(api.put(path).send({ topics: ['orders'] }), pointed)
    await refused(api.get(`${path}/records?cursor=AAAA`), pointed)
    await refused(api.post(`${path}/heartbeat`).send({ cursor: 'AAAA' }), pointed)
    await refused(api.delete(path), pointed)
  }
  await refused(api.put('/consumer-groups/a%20b/members/a').send({ topics: ['orders'] }), {
    status: 400,
    code: 'INVALID_GROUP_ID',
  })
  await api
    .put(`/consumer-groups/billing/members/${'x'.repeat(128)}`)
    .send({ topics: ['orders'] })
    .expect(201)
})

test('cursors of other groups, members, requests and servers are refused', async (t) => {
  const server = await startWithOrders(t)
  const { api } = server
  const member = new TestMember(server, 'a')
  await member.join()
  const elsewhere = await startWithOrders(t, {})
  const others = [new TestMember(server, 'b'), new TestMember(server, 'a', 'audit')]
  for (const other of others) {
    await other.join()
    await refused(member.fetch({ cursor: other.cursor }), { ...invalidCursor, pointer: '?cursor' })
    await refused(api.post(`${memberPath}/heartbeat`).send({ cursor: other.cursor }), {
      ...invalidCursor,
      pointer: '/cursor',
    })
  }
  await refused(member.commit({ cursor: others[1]?.cursor }), { ...invalidCursor, pointer: '/cursor' })
  const browse = (await api.get('/topics/orders/records')).body.cursor
  const group = (await api.get('/consumer-groups/billing/topics/orders/records')).body.cursor
  const damaged = `${member.cursor.slice(0, -1)}${member.cursor.endsWith('A') ? 'B' : 'A'}`
  for (const cursor of [browse, group, damaged, 'AAAA', 'A'.repeat(4096)]) {
    await refused(member.fetch({ cursor }), { ...invalidCursor, pointer: '?cursor' })
  }
  await refused(api.get(`/topics/orders/records?cursor=${member.cursor}`), invalidCursor)
  await refused(api.get(`/consumer-groups/billing/topics/orders/records?cursor=${member.cursor}`), invalidCursor)
  await refused(api.get(`${memberPath}/records`), { ...invalid, pointer: '?cursor' })
  await refused(api.get(`${memberPath}/records?cursor=${'A'.repeat(4097)}`), { ...invalid, pointer: '?cursor' })
  // A server that has never heard of the member.
  await refused(new TestMember(elsewhere, 'a').fetch({ cursor: member.cursor }), gone)
})

test('limits and unknown parameters of a fetch are named', async (t) => {
  const server = await startWithOrders(t)
  const member = new TestMember(server, 'a')
  await member.join()
  for (const [query, pointer] of [
    ['maxRecords=0', '?maxRecords'],
    ['maxRecords=10001', '?maxRecords'],
    ['maxBytes=16777217', '?maxBytes'],
    ['waitMs=30001', '?waitMs'],
    ['waitMs=-1', '?waitMs'],
    ['from=earliest', '?from'],
    ['partitions=0', '?partitions'],
  ] as const) {
    await refused(member.fetch({ query: `&${query}` }), { ...invalid, pointer })
  }
  const { api } = server
  await refused(api.post(`${memberPath}/heartbeat`).send({}), { ...invalid, pointer: '/cursor' })
  await refused(api.post(`${memberPath}/heartbeat`).send({ cursor: member.cursor, released: [{ topic: 'orders' }] }), {
    ...invalid,
    pointer: '/released/0/partitions',
  })
  await refused(api.delete(`${memberPath}?permanent=maybe`), { ...invalid, pointer: '?permanent' })
})

test('commits beyond the end, for what is not there, and for partitions not owned are refused', async (t) => {
  const server = await startWithOrders(t)
  const member = new TestMember(server, 'a')
  await member.join()
  await member.page()
  const at = (partition: number, nextOffset: number, topic = 'orders') => ({ topic, partition, nextOffset })
  const commit = (...offsets: object[]) => member.commit({ cursor: member.cursor, offsets })
  await refused(commit(at(0, 1), at(1, 2)), {
    status: 416,
    code: 'OFFSET_OUT_OF_RANGE',
    pointer: '/offsets/1/nextOffset',
  })
  await refused(commit(at(0, 1), at(2, 0)), { ...unknownTopic, pointer: '/offsets/1/partition' })
  await refused(commit(at(0, 1, 'none')), { ...unknownTopic, pointer: '/offsets/0/topic' })
  await refused(commit(at(0, 1), at(0, 1)), { ...invalid, pointer: '/offsets/1/partition' })

  await server.api.put('/topics/payments').send({ partitions: 1 }).expect(201)
  const notOwned = await commit(at(0, 1), at(0, 0, 'payments'))
  await refused(Promise.resolve(notOwned), { status: 409, code: 'STALE_MEMBER_EPOCH', recovery: 'fetch' })
  assert.deepEqual(notOwned.body['committed'], [{ topic: 'orders', partition: 0, nextOffset: 1, lag: 0 }])
  assert.deepEqual(notOwned.body['refused'], [
    { topic: 'payments', partition: 0, nextOffset: 0, code: 'STALE_MEMBER_EPOCH' },
  ])
})

test('while a group has members, only they commit, and nobody resets, forgets or deletes', async (t) => {
  const server = await startWithOrders(t)
  const { api } = server
  const script = (await api.get('/consumer-groups/billing/topics/orders/records')).body.cursor
  const member = new TestMember(server, 'a')
  await member.join()
  const nonEmpty = { status: 409, code: 'NON_EMPTY_GROUP' }
  const offsets = '/consumer-groups/billing/offsets'
  await api.get('/consumer-groups/billing/topics/orders/records').expect(200)
  await refused(api.post(offsets).send({ cursor: script }), nonEmpty)
  await refused(api.post(offsets).send({ offsets: [{ topic: 'orders', partition: 0, nextOffset: 1 }] }), nonEmpty)
  await refused(api.put(offsets).send({ topics: ['orders'], to: 'earliest' }), nonEmpty)
  await refused(api.put(`${offsets}?dryRun=true`).send({ topics: ['orders'], to: 'earliest' }), nonEmpty)
  await refused(api.delete(offsets), nonEmpty)
  await refused(api.delete('/consumer-groups/billing'), nonEmpty)

  await member.page()
  await member.commit().expect(200)
  await member.leave().expect(204)
  await api
    .put(offsets)
    .send({ topics: ['orders'], to: 'earliest' })
    .expect(200)
  await api.delete('/consumer-groups/billing').expect(204)
  await refused(api.get('/consumer-groups/billing'), { status: 404, code: 'GROUP_ID_NOT_FOUND' })
})

test('a member that is gone is told so by every call, and may leave again', async (t) => {
  const server = await startWithOrders(t)
  const member = new TestMember(server, 'a')
  await member.join()
  await member.page()
  await member.leave().expect(204)
  await member.leave().expect(204)
  await refused(member.fetch(), gone)
  await refused(member.commit(), gone)
  await refused(member.heartbeat(), gone)
})

test('a topic that is deleted under a group’s feet leaves its members, whose next pages go on', async (t) => {
  const server = await startWithOrders(t)
  await server.api.put('/topics/payments').send({ partitions: 1 }).expect(201)
  await server.api
    .post('/topics/payments/records')
    .send({ records: [{ value: 'p' }] })
    .expect(200)
  const member = new TestMember(server, 'a')
  await member.join({ topics: ['orders', 'payments'] })
  assert.deepEqual((await member.page()).values, ['0-0', '1-0', 'p'])
  await server.api.delete('/topics/payments').expect(204)

  const committed = await member.commit().expect(200)
  assert.deepEqual(
    committed.body.items.map(({ topic }: { topic: string }) => topic),
    ['orders', 'orders'],
  )
  await server.api
    .post('/topics/orders/records')
    .send({ records: [{ partition: 0, value: '0-1' }] })
    .expect(200)
  const page = await member.page()
  assert.deepEqual(page.values, ['0-1'])
  assert.deepEqual(page.assignment, [{ topic: 'orders', partitions: [0, 1] }])

  // A topic of the same name is another one, and is read from its start.
  await server.api.put('/topics/payments').send({ partitions: 1 }).expect(201)
  await server.api
    .post('/topics/payments/records')
    .send({ records: [{ value: 'q' }] })
    .expect(200)
  assert.deepEqual((await member.page()).values, ['q'])
})

test('unknown topics are made by a join where the server and the client want it, else 404', async (t) => {
  const server = await startWithOrders(t)
  const topics = ['orders', 'fresh']
  await refused(server.api.put(memberPath).send({ topics, allowAutoCreateTopics: false }), {
    ...unknownTopic,
    pointer: '/topics/1',
  })
  const joined = await new TestMember(server, 'a').join({ topics })
  assert.deepEqual(joined.body.assignment, [
    { topic: 'fresh', partitions: [0] },
    { topic: 'orders', partitions: [0, 1] },
  ])
  const strict = await startWithOrders(t, { autoCreateTopicsEnable: false })
  await refused(strict.api.put(memberPath).send({ topics }), { ...unknownTopic, pointer: '/topics/1' })
})

test('methods that a path does not take are 405', async (t) => {
  const { api } = await startWithOrders(t)
  const response = await api.get(memberPath)
  assert.equal(response.status, 405)
  assert.equal(response.headers['allow'], 'DELETE, PUT')
})

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { CursorCodec } from '../../src/broker/cursor.ts'
import { type ApiServer, startApi } from './api-server.ts'

const offsetsPath = '/consumer-groups/billing/offsets'

async function startWithOrders(t: TestContext): Promise<ApiServer> {
  const server = await startApi(t)
  await server.api.put('/topics/orders').send({ partitions: 2 }).expect(201)
  await server.api
    .post('/topics/orders/records')
    .send({ records: [{ partition: 0, value: 'a' }] })
    .expect(200)
  return server
}

interface Refusal {
  readonly status: number
  readonly code: string
  readonly pointer?: string
}

async function refused(
  response: PromiseLike<{ status: number; text: string; body: Record<string, unknown> }>,
  { status, code, pointer }: Refusal,
): Promise<void> {
  const { status: actual, text, body } = await response
  assert.equal(actual, status, text)
  assert.equal(body['code'], code, text)
  assert.equal(typeof body['detail'], 'string')
  if (pointer === undefined) return
  const errors = body['errors']
  assert.ok(Array.isArray(errors) && errors.some((error) => error.pointer === pointer), `${pointer} in ${text}`)
}

const at = (partition: number, nextOffset: unknown) => ({ topic: 'orders', partition, nextOffset })

test('a bad commit is refused whole, by pointer, and nothing is stored', async (t) => {
  const server = await startWithOrders(t)
  const { api } = server
  const commit = (offsets: unknown) => api.post(offsetsPath).send({ offsets })
  const good = at(0, 1)
  const invalid = { status: 400, code: 'INVALID_REQUEST' }
  const unknown = { status: 404, code: 'UNKNOWN_TOPIC_OR_PARTITION' }
  await refused(commit([good, { ...at(0, 1), topic: 'none' }]), { ...unknown, pointer: '/offsets/1/topic' })
  await refused(commit([good, at(2, 0)]), { ...unknown, pointer: '/offsets/1/partition' })
  await refused(commit([good, at(1, -1)]), { ...invalid, pointer: '/offsets/1/nextOffset' })
  await refused(commit([good, at(1, 2 ** 53)]), { ...invalid, pointer: '/offsets/1/nextOffset' })
  await refused(commit([good, at(1, '0')]), { ...invalid, pointer: '/offsets/1/nextOffset' })
  await refused(commit([good, at(1, 0.5)]), { ...invalid, pointer: '/offsets/1/nextOffset' })
  await refused(commit([good, { ...at(1, 0), offset: 1 }]), { ...invalid, pointer: '/offsets/1/offset' })
  await refused(commit([good, good]), { ...invalid, pointer: '/offsets/1/partition' })
  await refused(commit([]), { ...invalid, pointer: '/offsets' })
  const beyond = { status: 416, code: 'OFFSET_OUT_OF_RANGE', pointer: '/offsets/1/nextOffset' }
  await refused(commit([good, at(1, 1)]), beyond)
  const long = { status: 413, code: 'OFFSET_METADATA_TOO_LARGE', pointer: '/offsets/1/metadata' }
  await refused(commit([good, { ...at(1, 0), metadata: 'x'.repeat(4097) }]), long)
  await refused(api.post(offsetsPath).send({}), { ...invalid, pointer: '/cursor' })
  await refused(api.post(offsetsPath).send({ cursor: null, offsets: null }), invalid)
  await refused(api.post(offsetsPath).send({ offset: 1 }), { ...invalid, pointer: '/offset' })
  assert.equal((await api.get('/consumer-groups/billing')).status, 404)
})

test('a bad reset is refused', async (t) => {
  const { api } = await startWithOrders(t)
  const reset = (body: object, query = '') => api.put(`${offsetsPath}${query}`).send(body)
  const invalid = { status: 400, code: 'INVALID_REQUEST' }
  await refused(reset({ topics: ['orders'] }), invalid)
  await refused(reset({ to: 'latest' }), invalid)
  await refused(reset({ topics: ['orders'], to: 'latest', offsets: [at(0, 0)] }), invalid)
  await refused(reset({ topics: ['orders'], to: 'newest' }), { ...invalid, pointer: '/to' })
  await refused(reset({ topics: ['orders'], to: '1700000000' }), { ...invalid, pointer: '/to' })
  await refused(reset({ topics: ['none'], to: 'latest' }), { status: 404, code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  await refused(reset({ offsets: [at(0, 2)] }), { status: 416, code: 'OFFSET_OUT_OF_RANGE' })
  await refused(reset({ topics: ['orders'], to: 'latest' }, '?dryrun=true'), { ...invalid, pointer: '?dryrun' })
  assert.equal((await api.get('/consumer-groups/billing')).status, 404)
})

test('group ids follow the rule of topic names', async (t) => {
  const { api } = await startWithOrders(t)
  for (const id of ['a%20b', 'a%2Fb', 'gr%C3%BCn', 'x'.repeat(250), 'a%00']) {
    const invalid = { status: 400, code: 'INVALID_GROUP_ID' }
    await refused(api.get(`/consumer-groups/${id}`), invalid)
    await refused(api.delete(`/consumer-groups/${id}`), invalid)
    await refused(api.get(`/consumer-groups/${id}/offsets`), invalid)
    await refused(api.get(`/consumer-groups/${id}/topics/orders/records`), invalid)
    await refused(api.post(`/consumer-groups/${id}/offsets`).send({ offsets: [at(0, 1)] }), invalid)
    await refused(api.put(`/consumer-groups/${id}/offsets`).send({ topics: ['orders'], to: 'latest' }), invalid)
    await refused(api.delete(`/consumer-groups/${id}/offsets`), invalid)
  }
  assert.equal((await api.get(`/consumer-groups/${'x'.repeat(249)}`)).body.code, 'GROUP_ID_NOT_FOUND')
})

test('cursors of others are refused, with the reason', async (t) => {
  const { api } = await startWithOrders(t)
  const group = (await api.get('/consumer-groups/billing/topics/orders/records')).body.cursor
  const browse = (await api.get('/topics/orders/records')).body.cursor
  const invalid = { status: 400, code: 'INVALID_CURSOR' }
  const damaged = `${group.slice(0, -1)}${group.endsWith('A') ? 'B' : 'A'}`
  for (const cursor of [browse, damaged, 'AAAA']) {
    await refused(api.get(`/consumer-groups/billing/topics/orders/records?cursor=${cursor}`), invalid)
    await refused(api.post(offsetsPath).send({ cursor }), invalid)
  }
  const others = await api.post('/consumer-groups/audit/offsets').send({ cursor: group })
  assert.match(others.body.detail, /another consumer group/)
  await refused(api.get(`/consumer-groups/audit/topics/orders/records?cursor=${group}`), invalid)
  await refused(api.get(`/topics/orders/records?cursor=${group}`), invalid)
})

test('what is wrong with the positions of a cursor is told of the cursor, wherever the request has it', async (t) => {
  const { api } = await startWithOrders(t)
  const codec = new CursorCodec({ engine: 'embedded', clusterId: 'memory-cluster' })
  const { body } = await api.get('/consumer-groups/billing/topics/orders/records').expect(200)
  const group = codec.decodeRead(body.cursor, 'group')
  const beyond = codec.encodeRead({ ...group, positions: [{ partition: 0, offset: 9 }] })
  const outOfRange = { status: 416, code: 'OFFSET_OUT_OF_RANGE', pointer: '/cursor' }
  await refused(api.post(offsetsPath).send({ cursor: beyond }), outOfRange)
  const ending = codec.encodeRead({ ...group, kind: 'browse', group: '', until: 1 })
  const endless = { status: 400, code: 'INVALID_CURSOR' }
  const stream = '/topics/orders/stream'
  await refused(api.get(`${stream}?cursor=${ending}`), { ...endless, pointer: '?cursor' })
  await refused(api.get(stream).set('Last-Event-ID', ending), { ...endless, pointer: 'Last-Event-ID' })
})

test('limits and unknown parameters of a fetch are named', async (t) => {
  const { api } = await startWithOrders(t)
  const fetch = (query: string) => api.get(`/consumer-groups/billing/topics/orders/records?${query}`)
  const invalid = { status: 400, code: 'INVALID_REQUEST' }
  await refused(fetch('maxRecords=0'), { ...invalid, pointer: '?maxRecords' })
  await refused(fetch('maxRecords=10001'), { ...invalid, pointer: '?maxRecords' })
  await refused(fetch('maxBytes=16777217'), { ...invalid, pointer: '?maxBytes' })
  await refused(fetch('waitMs=30001'), { ...invalid, pointer: '?waitMs' })
  await refused(fetch('from=earliest'), { ...invalid, pointer: '?from' })
  await refused(fetch('partitions=2'), { status: 404, code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  const unknown = { status: 404, code: 'UNKNOWN_TOPIC_OR_PARTITION' }
  await refused(api.get('/consumer-groups/billing/topics/none/records'), unknown)
  await refused(api.get('/consumer-groups?limit=0'), { ...invalid, pointer: '?limit' })
})

test('methods that a path does not take are 405', async (t) => {
  const { api } = await startWithOrders(t)
  const response = await api.patch(offsetsPath).send({})
  assert.equal(response.status, 405)
  assert.equal(response.headers['allow'], 'DELETE, GET, POST, PUT')
})

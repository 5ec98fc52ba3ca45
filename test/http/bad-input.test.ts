import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApi, type ApiServer } from './api-server.ts'

interface Expected {
  readonly status: number
  readonly code: string
  readonly detail?: RegExp
  readonly pointer?: string
}

/** Every refusal is a problem document that names its fault; nothing is stored by it. */
async function refused(answer: PromiseLike<{ status: number; type: string; body: Problem }>, expected: Expected) {
  const { status, type, body } = await answer
  assert.equal(status, expected.status, JSON.stringify(body))
  assert.equal(type, 'application/problem+json')
  assert.equal(body.status, expected.status)
  assert.equal(body.code, expected.code, body.detail)
  assert.equal(body.type, `/docs/errors#${expected.code}`)
  assert.equal(typeof body.retriable, 'boolean')
  assert.ok(body.requestId)
  if (expected.detail !== undefined) assert.match(body.detail, expected.detail)
  if (expected.pointer !== undefined) assert.equal(body.errors?.[0]?.pointer, expected.pointer)
  return body
}

interface Problem {
  readonly status: number
  readonly code: string
  readonly type: string
  readonly detail: string
  readonly retriable: boolean
  readonly requestId: string
  readonly stored?: string
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
  readonly [fact: string]: unknown
}

async function withTopic(server: ApiServer, partitions = 2): Promise<ApiServer['api']> {
  await server.api.put('/topics/orders').send({ partitions }).expect(201)
  return server.api
}

test('bodies to publish that are refused store nothing and say where the fault is', async (t) => {
  const server = await startApi(t, { requestMaxRecords: 3 })
  const api = await withTopic(server)
  const bodies: readonly (readonly [string, Omit<Expected, 'status'> & { status?: number }])[] = [
    ['{"records":[{"value":"a"}', { code: 'INVALID_JSON', detail: /line 1/i }],
    ['', { code: 'INVALID_REQUEST' }],
    ['[]', { code: 'INVALID_REQUEST' }],
    ['{}', { code: 'INVALID_REQUEST', pointer: '/records' }],
    ['{"records":[]}', { code: 'INVALID_REQUEST', pointer: '/records' }],
    ['{"records":[{}]}', { code: 'INVALID_REQUEST', pointer: '/records/0' }],
    ['{"records":[{"value":"a"}],"ack":1}', { code: 'INVALID_REQUEST', pointer: '/ack' }],
    ['{"records":[{"value":"a","vlaue":1}]}', { code: 'INVALID_REQUEST', pointer: '/records/0/vlaue' }],
    ['{"records":[{"value":"a"},{"value":7}]}', { code: 'INVALID_REQUEST', pointer: '/records/1/value' }],
    [
      '{"records":[{"value":"a","timestamp":1700000000}]}',
      { code: 'INVALID_REQUEST', pointer: '/records/0/timestamp', detail: /seconds/ },
    ],
    ['{"records":[{"value":"*","valueEncoding":"base64"}]}', { code: 'INVALID_REQUEST', pointer: '/records/0/value' }],
    ['{"records":[{"value":"a","headers":{"a":"b"}}]}', { code: 'INVALID_REQUEST', pointer: '/records/0/headers' }],
    ['{"records":[{"value":"a","headers":[{"value":"b"}]}]}', { code: 'INVALID_REQUEST' }],
    ['{"records":[{"value":"a"},{"value":"a"},{"value":"a"},{"value":"a"}]}', { code: 'INVALID_REQUEST' }],
  ]
  for (const [body, expected] of bodies) {
    const answer = api.post('/topics/orders/records').set('Content-Type', 'application/json').send(body)
    const problem = await refused(answer, { status: 400, ...expected })
    assert.equal(problem.stored, 'no', body)
  }
  const unknown = api.post('/topics/orders/records').send({ records: [{ value: 'a', partition: 2 }] })
  const problem = await refused(unknown, { status: 400, code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  assert.equal(problem.stored, 'no')
  const page = await api.get('/topics/orders/records')
  assert.deepEqual(page.body.records, [])
})

test('records that the topic does not take are refused', async (t) => {
  const { api } = await startApi(t)
  await api
    .put('/topics/compacted')
    .send({ configs: { 'cleanup.policy': 'compact' } })
    .expect(201)
  await refused(api.post('/topics/compacted/records').send({ records: [{ value: 'a' }] }), {
    status: 422,
    code: 'INVALID_RECORD',
    pointer: '/records/0/key',
  })
  await api
    .put('/topics/small')
    .send({ configs: { 'max.message.bytes': 200 } })
    .expect(201)
  const large = api.post('/topics/small/records').send({ records: [{ value: 'x'.repeat(300) }] })
  const problem = await refused(large, { status: 413, code: 'MESSAGE_TOO_LARGE', detail: /max\.message\.bytes/ })
  assert.equal(problem.stored, 'no')
  await api
    .put('/topics/recent')
    .send({ configs: { 'message.timestamp.after.max.ms': 1000 } })
    .expect(201)
  await refused(api.post('/topics/recent/records').send({ records: [{ value: 'a', timestamp: 1_700_000_900_000 }] }), {
    status: 422,
    code: 'INVALID_TIMESTAMP',
    pointer: '/records/0/timestamp',
  })
})

test('a body that is not JSON is refused with the curl line that works', async (t) => {
  const server = await startApi(t)
  const api = await withTopic(server)
  const types = [undefined, 'text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'nonsense']
  for (const type of types) {
    const answer = await fetch(`${server.url}/topics/orders/records?acks=1`, {
      method: 'POST',
      body: Buffer.from('{"records":[{"value":"a"}]}'),
      ...(type !== undefined && { headers: { 'Content-Type': type } }),
    })
    assert.equal(answer.status, 415, type)
    const { code, detail, stored }: Problem = JSON.parse(await answer.text())
    assert.equal(code, 'UNSUPPORTED_MEDIA_TYPE')
    assert.equal(stored, 'no')
    assert.match(detail, /curl -X POST -H 'Content-Type: application\/json'.*\/topics\/orders\/records\?acks=1/)
  }
  await refused(
    api
      .post('/topics/orders/records')
      .set('Content-Encoding', 'br')
      .send({ records: [{ value: 'a' }] }),
    {
      status: 415,
      code: 'UNSUPPORTED_MEDIA_TYPE',
      detail: /Content-Encoding "br"/,
    },
  )
  await api
    .post('/topics/orders/records')
    .set('Content-Type', 'application/json; charset=latin1')
    .send('{"records":[{"value":"a"}]}')
    .expect(200)
})

test('control bodies are strict JSON', async (t) => {
  const { api } = await startApi(t)
  const post = (body: string) => api.post('/topics').set('Content-Type', 'application/json').send(body)
  await refused(post('{"name":\n "orders",}'), { status: 400, code: 'INVALID_JSON', detail: /Line 2/ })
  await refused(post(''), { status: 400, code: 'INVALID_REQUEST', detail: /empty/ })
  await refused(post('[]'), { status: 400, code: 'INVALID_REQUEST' })
  await refused(post('{}'), { status: 400, code: 'INVALID_REQUEST', pointer: '/name' })
  await refused(post('{"name":5}'), { status: 400, code: 'INVALID_REQUEST', pointer: '/name', detail: /is 5/ })
  await refused(post('{"name":"a","partitions":"3"}'), { status: 400, code: 'INVALID_REQUEST', pointer: '/partitions' })
  await refused(post('{"name":"a","partition":3}'), {
    status: 400,
    code: 'INVALID_REQUEST',
    pointer: '/partition',
    detail: /did you mean "partitions"/,
  })
  await refused(post('{"name":"a","__proto__":{}}'), { status: 400, code: 'INVALID_REQUEST' })
  await api.post('/topics').send({ name: 'a', partitions: null, configs: null }).expect(201)
})

test('topic names, partition counts and configs that are not legal are refused', async (t) => {
  const { api } = await startApi(t)
  for (const name of ['', '.', '..', 'a b', 'a/b', 'a\u0000b', 'x'.repeat(250), '__mine']) {
    await refused(api.post('/topics').send({ name }), { status: 400, code: 'INVALID_TOPIC_EXCEPTION' })
    if (name === '' || name.startsWith('.')) continue
    await refused(api.put(`/topics/${encodeURIComponent(name)}`).send({}), {
      status: 400,
      code: 'INVALID_TOPIC_EXCEPTION',
    })
  }
  await refused(api.post('/topics').send({ name: 'a', partitions: 0 }), { status: 400, code: 'INVALID_REQUEST' })
  await refused(api.post('/topics').send({ name: 'a', partitions: 1001 }), {
    status: 400,
    code: 'INVALID_PARTITIONS',
    pointer: '/partitions',
  })
  await refused(api.post('/topics').send({ name: 'a', configs: { 'retention.msx': 1 } }), {
    status: 400,
    code: 'INVALID_CONFIG',
    pointer: '/configs/retention.msx',
    detail: /retention\.ms/,
  })
  await refused(api.post('/topics').send({ name: 'a', configs: { 'segment.bytes': 'many' } }), {
    status: 400,
    code: 'INVALID_CONFIG',
    pointer: '/configs/segment.bytes',
  })
  assert.equal((await api.get('/topics')).body.items.length, 0)
})

test('parameters of reads beyond their limits, unknown or repeated are refused by name', async (t) => {
  const api = await withTopic(await startApi(t))
  const queries: readonly (readonly [string, string])[] = [
    ['maxRecords=0', '?maxRecords'],
    ['maxRecords=10001', '?maxRecords'],
    ['maxRecords=-1', '?maxRecords'],
    ['maxRecords=many', '?maxRecords'],
    ['maxRecords=1&maxRecords=2', '?maxRecords'],
    ['maxBytes=16777217', '?maxBytes'],
    ['waitMs=30001', '?waitMs'],
    ['last=-1', '?last'],
    ['format=xml', '?format'],
    ['fromm=earliest', '?fromm'],
    ['offset=3', '?offset'],
    ['from=latest&last=3', '?from'],
    ['from=17', '?from'],
    ['until=soon', '?until'],
    ['partitions=x', '?partitions'],
  ]
  for (const [query, pointer] of queries) {
    await refused(api.get(`/topics/orders/records?${query}`), { status: 400, code: 'INVALID_REQUEST', pointer })
  }
  await refused(api.get('/topics/orders/records?cursor=AAAA'), { status: 400, code: 'INVALID_CURSOR' })
  await refused(api.get('/topics/orders/partitions/0/records?offset=-1'), { status: 400, code: 'INVALID_REQUEST' })
  await refused(api.get('/topics/orders/partitions/x/records'), {
    status: 400,
    code: 'INVALID_REQUEST',
    pointer: 'partition',
  })
  await refused(api.get('/topics/orders/partitions/2/records'), { status: 404, code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  await refused(api.get('/topics/orders/offsets'), { status: 400, code: 'INVALID_REQUEST', pointer: '?at' })
  await refused(api.get('/topics?limit=1001'), { status: 400, code: 'INVALID_REQUEST', pointer: '?limit' })
  await refused(api.get('/topics/nothing/records'), { status: 404, code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  await refused(api.post('/topics/orders/records?acks=2').send({ records: [{ value: 'a' }] }), {
    status: 400,
    code: 'INVALID_REQUIRED_ACKS',
    pointer: '?acks',
    detail: /all, 1, 0/,
  })
})

test('paths and methods that are not offered are told from each other', async (t) => {
  const api = await withTopic(await startApi(t))
  await refused(api.get('/topic'), { status: 404, code: 'ROUTE_NOT_FOUND', detail: /\/topics/ })
  assert.equal((await api.get('/topic').set('Connection', 'keep-alive')).headers['connection'], 'keep-alive')
  await refused(api.get('/topics/'), { status: 404, code: 'ROUTE_NOT_FOUND', detail: /Did you mean \/topics\?/ })
  await refused(api.get('/Topics'), { status: 404, code: 'ROUTE_NOT_FOUND' })
  await refused(api.post('/nowhere').set('Content-Type', 'text/plain').send('x'), {
    status: 404,
    code: 'ROUTE_NOT_FOUND',
  })
  const answer = api.delete('/topics/orders/records')
  await refused(answer, { status: 405, code: 'METHOD_NOT_ALLOWED' })
  assert.equal((await api.delete('/topics/orders/records')).headers['allow'], 'GET, POST')
  assert.equal((await api.head('/topics')).status, 405)
  await refused(api.get('/topics').set('Accept', 'text/html'), { status: 406, code: 'NOT_ACCEPTABLE' })
  await api.get('/topics').set('Accept', 'text/html, */*;q=0.1').expect(200)
  await refused(api.get('/topics/%ZZ'), { status: 400, code: 'INVALID_REQUEST' })
})

test('a publish that is refused says that nothing was stored, whatever refused it', async (t) => {
  const server = await startApi(t)
  const api = await withTopic(server)
  const post = (path: string) =>
    api.post(path).set('Content-Type', 'application/json').send('{"records":[{"value":"a"}]}')
  const answers = [
    post('/topics/orders/records?acks=2'),
    post('/topics/orders/records?frobnicate=1'),
    post('/topics/orders/records').set('Accept', 'text/xml'),
    post('/topics/orders/records').set('Host', 'evil.example'),
    post('/topics/orders/records').set('Origin', 'http://evil.example'),
    post('/topics/%ff/records'),
    post('/topics/orders/record'),
  ]
  for (const answer of answers) {
    const { status, body } = await answer
    assert.ok(status >= 400 && status < 500, String(status))
    assert.equal(body.stored, 'no', JSON.stringify(body))
  }
  server.engine.append = () => Promise.reject(new TypeError('unexpected'))
  const { status, body } = await post('/topics/orders/records')
  assert.deepEqual([status, body.stored], [500, 'unknown'])
})

test('integers are decimal digits, and a limit that is hit is named', async (t) => {
  const { api } = await startApi(t, { pageMaxRecords: 20, pageDefaultRecords: 2, pageMaxPartitions: 2 })
  for (const limit of ['0x10', '1e1', '+1', '%201', '1.0', '', '99999999999999999']) {
    const answer = api.get(`/topics?limit=${limit}`)
    await refused(answer, { status: 400, code: 'INVALID_REQUEST', pointer: '?limit', detail: /integer from 1 to 1000/ })
  }
  await api.put('/topics/orders').send({ partitions: 2 }).expect(201)
  const many = api.get('/topics/orders/records?maxRecords=21')
  await refused(many, { status: 400, code: 'INVALID_REQUEST', detail: /from 1 to 20 \(page\.max\.records\)/ })
  await api
    .post('/topics/orders/records')
    .send({ records: Array.from({ length: 5 }, () => ({ key: 'k', value: 'a' })) })
    .expect(200)
  assert.equal((await api.get('/topics/orders/records')).body.records.length, 2)
  await api.put('/topics/wide').send({ partitions: 3 }).expect(201)
  await refused(api.get('/topics/wide/records'), {
    status: 400,
    code: 'INVALID_REQUEST',
    detail: /page\.max\.partitions/,
  })
})

test('control bodies that common parsers take in silence are refused', async (t) => {
  const { api } = await startApi(t)
  const post = (body: string) => api.post('/topics').set('Content-Type', 'application/json').send(body)
  const twice = post('{"name":"a","configs":{"retention.ms":1,"retention.ms":2}}')
  await refused(twice, { status: 400, code: 'INVALID_REQUEST', pointer: '/configs/retention.ms' })
  await refused(post(`{"name":"a","configs":${'['.repeat(100_000)}`), { status: 400, code: 'INVALID_REQUEST' })
  await refused(post('{"name":"\\ud800"}'), { status: 400, code: 'INVALID_REQUEST' })
  await post('\ufeff{"name":"marked"}').expect(201)
  await refused(api.get('/cluster?x=1'), { status: 400, code: 'INVALID_REQUEST', pointer: '?x' })
  await refused(api.get('/topics/marked/offsets?at=2026-02-30'), {
    status: 400,
    code: 'INVALID_REQUEST',
    pointer: '?at',
  })
})

test('answers are observed by operation, and a refusal is logged by its request id without its detail', async (t) => {
  const seen: [string, number][] = []
  const observeOperation = (operation: string) => (status: number) => void seen.push([operation, status])
  const { api, log } = await startApi(t, { observeOperation, logLevel: 'debug' })
  const body = '{"records":[{"value":"secret","oops":1}]}'
  const { body: problem } = await api.post('/topics/orders/records').set('Content-Type', 'application/json').send(body)
  await api.get('/cluster').expect(200)
  assert.deepEqual(seen, [
    ['publishRecords', 400],
    ['getCluster', 200],
  ])
  const line = log.find((entry) => entry.includes('refused a request')) ?? ''
  assert.ok(line.includes(problem.requestId))
  assert.ok(!log.join('').includes('secret'))
})

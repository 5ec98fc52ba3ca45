import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApi } from './api-server.ts'
import { refused, withTopic } from './refused-requests.ts'

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

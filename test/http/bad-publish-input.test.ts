import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApi } from './api-server.ts'
import { type Expected, refused, type Problem, withTopic } from './refused-requests.ts'

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

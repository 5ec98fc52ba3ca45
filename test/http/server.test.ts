import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { startApi, type ApiServer } from './api-server.ts'

function open(t: Parameters<typeof startApi>[0], { url }: ApiServer): { socket: Socket; text: Promise<string> } {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  const text = new Promise<string>((resolve, reject) => {
    let received = ''
    socket.on('data', (chunk) => (received += chunk.toString()))
    socket.on('close', () => resolve(received))
    socket.on('error', reject)
  })
  return { socket, text }
}

function problemIn(text: string): Record<string, unknown> {
  assert.match(text, /content-type: application\/problem\+json/i)
  return JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4))
}

test('a body over the limit is refused by its length, or once it is longer', async (t) => {
  const server = await startApi(t, { requestMaxBytes: 1000 })
  await server.api.put('/topics/orders').send({}).expect(201)
  const declared = await server.api.post('/topics/orders/records').send({ records: [{ value: 'x'.repeat(2000) }] })
  assert.deepEqual([declared.status, declared.body.code, declared.body.stored], [413, 'REQUEST_TOO_LARGE', 'no'])
  assert.match(declared.body.detail, /2026 bytes long; at most 1000 .*request\.max\.bytes/)
  const { socket, text } = open(t, server)
  socket.write('POST /topics/orders/records HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n')
  socket.write(`Transfer-Encoding: chunked\r\n\r\n7d0\r\n${'x'.repeat(2000)}\r\n`)
  const answer = await text
  assert.match(answer, /^HTTP\/1\.1 413 /)
  assert.match(answer, /connection: close/i)
  assert.equal(problemIn(answer)['code'], 'REQUEST_TOO_LARGE')
})

test('a refused body of a known length is read to its end, so that the reply arrives and the connection is kept', async (t) => {
  const server = await startApi(t, { requestMaxBytes: 1000 })
  const { socket, text } = open(t, server)
  const head = 'POST /topics/orders/records HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
  socket.write(`${head}Content-Length: 5000000\r\n\r\n${'x'.repeat(5_000_000)}`)
  socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  assert.match(await text, /^HTTP\/1\.1 413 [^]*HTTP\/1\.1 200 /)
})

test('a body of which no byte comes is given up', async (t) => {
  const server = await startApi(t, { requestIdleTimeoutMs: 30_000 })
  const { socket, text } = open(t, server)
  const head = 'POST /topics/orders/records HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
  socket.write(`${head}Content-Length: 100\r\n\r\n{"records"`)
  while (server.load.bodies.bytes === 0) await new Promise(setImmediate)
  for (let second = 0; second < 31; second += 1) server.clock.advance(1000)
  const answer = await text
  assert.match(answer, /^HTTP\/1\.1 408 /)
  const problem = problemIn(answer)
  assert.deepEqual([problem['code'], problem['stored']], ['REQUEST_TIMEOUT', 'no'])
})

test('headers that do not end are given up', async (t) => {
  const server = await startApi(t, { headersTimeoutMs: 100, requestTimeoutMs: 200 })
  const { socket, text } = open(t, server)
  socket.write('GET /topics HTTP/1.1\r\nHost: localhost\r\n')
  const answer = await text
  assert.match(answer, /^HTTP\/1\.1 408 /)
  assert.equal(problemIn(answer)['code'], 'REQUEST_TIMEOUT')
})

test('headers that are too large, and what is no HTTP, get a problem too', async (t) => {
  const server = await startApi(t)
  const large = open(t, server)
  large.socket.write(`GET /topics HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)
  assert.equal(problemIn(await large.text)['code'], 'REQUEST_HEADERS_TOO_LARGE')
  const wrong = open(t, server)
  wrong.socket.write('HELLO\r\n\r\n')
  const answer = await wrong.text
  assert.match(answer, /^HTTP\/1\.1 400 /)
  assert.equal(problemIn(answer)['code'], 'INVALID_REQUEST')
})

test('an unexpected error hides what happened, and is logged under the request’s id', async (t) => {
  const { api, engine, log } = await startApi(t)
  engine.cluster = () => Promise.reject(new TypeError('secret'))
  const answer = await api.get('/cluster').set('X-Request-Id', 'abc-1')
  assert.deepEqual([answer.status, answer.body.code, answer.body.requestId], [500, 'UNKNOWN_SERVER_ERROR', 'abc-1'])
  assert.doesNotMatch(answer.text, /secret|TypeError/)
  assert.match(log.join(''), /"requestId":"abc-1"/)
  assert.match(log.join(''), /secret/)
})

test('a request id that is not well formed is not taken over', async (t) => {
  const { api } = await startApi(t)
  const answer = await api.get('/nowhere').set('X-Request-Id', 'a b<script>')
  assert.match(answer.body.requestId, /^[a-z0-9]+-[a-z0-9]+$/)
})

test('health, cluster, log dirs, metrics and the pages are served', async (t) => {
  const { api, engine } = await startApi(t)
  assert.deepEqual((await api.get('/health/live')).body, { status: 'live' })
  assert.deepEqual((await api.get('/health/ready')).body, { status: 'ready', troubles: [] })
  engine.currentTroubles = [{ kind: 'disk-full', detail: 'The disk is full', notReady: false }]
  assert.equal((await api.get('/health/ready')).body.status, 'degraded')
  engine.currentTroubles = [{ kind: 'log-dir-offline', detail: 'No directory is left', notReady: true }]
  const notReady = await api.get('/health/ready')
  assert.deepEqual([notReady.status, notReady.body.code], [503, 'NOT_READY'])
  assert.equal(notReady.body.troubles[0].kind, 'log-dir-offline')
  assert.equal((await api.get('/cluster')).body.clusterId, 'memory-cluster')
  assert.equal((await api.get('/log-dirs')).body.items[0].path, '/memory')
  const metrics = await api.get('/metrics').set('Accept', 'application/openmetrics-text;version=1.0.0,*/*;q=0.1')
  assert.deepEqual([metrics.status, metrics.text], [200, 'up 1\n'])
  assert.equal((await api.get('/openapi.json')).body.openapi, '3.1.0')
  const docs = await api.get('/docs/').set('Accept', 'text/html')
  assert.match(docs.text, /swagger-ui/)
  assert.doesNotMatch(docs.text, /https?:\/\//)
  assert.match((await api.get('/docs/errors')).text, /id="INVALID_CURSOR"/)
})

test('parts of a publish that fail are told record by record', async (t) => {
  const { api, engine } = await startApi(t)
  await api.put('/topics/orders').send({ partitions: 2 }).expect(201)
  engine.memoryPartition('orders', 1).failure = new BrokerError('KAFKA_STORAGE_ERROR', 'Offline.', { stored: 'no' })
  const records = [0, 1, 0].map((partition) => ({ value: 'a', partition }))
  const answer = await api.post('/topics/orders/records').send({ records })
  assert.deepEqual([answer.status, answer.body.code, answer.body.stored], [503, 'KAFKA_STORAGE_ERROR', 'partial'])
  assert.equal(answer.headers['retry-after'], '1')
  assert.deepEqual(answer.body.records, [
    { partition: 0, offset: 0, timestamp: 1_700_000_000_000 },
    { partition: 1, offset: null, code: 'KAFKA_STORAGE_ERROR' },
    { partition: 0, offset: 1, timestamp: 1_700_000_000_000 },
  ])
  const all = await api.post('/topics/orders/records').send({ records: [{ value: 'a', partition: 1 }] })
  assert.deepEqual([all.status, all.body.stored], [503, 'no'])
  const queued = await api.post('/topics/orders/records?acks=0').send({ records: [{ value: 'a', partition: 0 }] })
  assert.equal(queued.status, 202)
})

test('requests that a stop refuses leave no warning each in the log', async (t) => {
  const { api, stop, log } = await startApi(t, { logLevel: 'warn' })
  stop.abort()
  const refused = await api.get('/topics')
  assert.deepEqual([refused.status, refused.body.code], [503, 'SERVER_STOPPING'])
  assert.deepEqual(log, [])
})

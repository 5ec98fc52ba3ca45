import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { startApi, type ApiServer } from './api-server.ts'

const MIB = 1024 * 1024
const HEAD = 'POST /topics/orders/records HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'

interface Client {
  readonly socket: Socket
  /** What has come so far. */
  readonly text: () => string
  readonly closed: () => boolean
}

function open(t: TestContext, { url }: ApiServer): Client {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  let text = ''
  let closed = false
  socket.on('data', (chunk) => (text += chunk.toString('latin1')))
  socket.on('close', () => (closed = true))
  socket.on('error', () => {})
  return { socket, text: () => text, closed: () => closed }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate)
}

function bodyOf(sizeBytes: number): string {
  const shell = '{"records":[{"value":""}]}'
  return shell.replace('""', `"${'x'.repeat(sizeBytes - shell.length)}"`)
}

/** Large, and valid for any topic. */
function paddedBody(sizeBytes: number, value = 1): string {
  return `{"records":[{"value":"${'x'.repeat(value)}"}]}`.padEnd(sizeBytes)
}

async function startWithTopic(t: TestContext, options: Parameters<typeof startApi>[1]): Promise<ApiServer> {
  const server = await startApi(t, options)
  await server.api.put('/topics/orders').send({ partitions: 1 }).expect(201)
  return server
}

test('a body for which there is no room is refused by its length, and has room again when others are answered', async (t) => {
  const server = await startWithTopic(t, { requestInflightMaxBytes: 2000, requestAdmissionWaitMs: 0 })
  const first = open(t, server)
  const body = bodyOf(1500)
  first.socket.write(`${HEAD}Content-Length: 1500\r\n\r\n${body.slice(0, 10)}`)
  await until(() => server.load.bodies.bytes === 1500)
  const refused = await server.api.post('/topics/orders/records').type('json').send(bodyOf(600))
  assert.deepEqual([refused.status, refused.body.code, refused.body.stored], [503, 'SERVER_OVERLOADED', 'no'])
  assert.equal(refused.headers['retry-after'], '1')
  assert.match(refused.body.detail, /1500 bytes .* at most 2000 \(request\.inflight\.max\.bytes\)/)
  first.socket.write(body.slice(10))
  await until(() => first.text().includes('\r\n\r\n{'))
  assert.match(first.text(), /^HTTP\/1\.1 200 /)
  assert.equal(server.load.bodies.bytes, 0)
  await server.api.post('/topics/orders/records').type('json').send(bodyOf(600)).expect(200)
  assert.equal(server.load.statistics().shed['request-bytes'], 1)
})

test('a body of unknown length is refused as it grows; its client gets the reply and keeps the connection', async (t) => {
  const server = await startWithTopic(t, { requestInflightMaxBytes: 3000, requestAdmissionWaitMs: 0 })
  const first = open(t, server)
  first.socket.write(`${HEAD}Content-Length: 2000\r\n\r\n{`)
  await until(() => server.load.bodies.bytes === 2000)
  const chunked = open(t, server)
  const chunk = `1f4\r\n${'x'.repeat(500)}\r\n`
  chunked.socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunk}`)
  await until(() => server.load.bodies.bytes === 2500)
  chunked.socket.write(chunk.repeat(4))
  await until(() => chunked.text().includes('SERVER_OVERLOADED'))
  assert.match(chunked.text(), /^HTTP\/1\.1 503 [^]*retry-after: 1/i)
  assert.equal(server.load.bodies.bytes, 2000)
  chunked.socket.write(`${chunk.repeat(100)}0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await until(() => /HTTP\/1\.1 200 /.test(chunked.text()))
  first.socket.destroy()
})

test('small bodies find room while large ones have taken their share', async (t) => {
  const server = await startWithTopic(t, { requestInflightMaxBytes: 8 * MIB })
  const first = open(t, server)
  first.socket.write(`${HEAD}Content-Length: ${5 * MIB}\r\n\r\n{`)
  await until(() => server.load.bodies.bytes === 5 * MIB)
  const large = open(t, server)
  large.socket.write(`${HEAD}Content-Length: ${2 * MIB}\r\n\r\n{`)
  await until(() => server.load.bodies.waiting === 1)
  await server.api.post('/topics/orders/records').type('json').send(bodyOf(600_000)).expect(200)
  server.clock.advance(1000)
  await until(() => large.text().includes('SERVER_OVERLOADED'))
  first.socket.destroy()
  large.socket.destroy()
})

function post(client: Client, sizeBytes: number, sentBytes = sizeBytes): void {
  client.socket.write(`${HEAD}Content-Length: ${sizeBytes}\r\n\r\n${paddedBody(sizeBytes).slice(0, sentBytes)}`)
}

/** So many clients, of whom each has come before the next, that post a body of this size. */
async function comeToWait(t: TestContext, server: ApiServer, count: number, sizeBytes: number): Promise<Client[]> {
  const clients: Client[] = []
  for (let number = 0; number < count; number++) {
    const client = open(t, server)
    const before = server.load.bodies.waiting
    post(client, sizeBytes)
    await until(() => server.load.bodies.waiting === before + 1)
    clients.push(client)
  }
  return clients
}

const isAnswered = (client: Client): boolean => client.text().includes('\r\n\r\n{')

test('a body waits for room, behind those that came before it, and is refused when its time is over', async (t) => {
  const server = await startWithTopic(t, { requestInflightMaxBytes: 2000, requestAdmissionWaitMs: 500 })
  const first = open(t, server)
  post(first, 1500, 10)
  await until(() => server.load.bodies.bytes === 1500)
  const second = await comeToWait(t, server, 1, 1600)
  server.clock.advance(499)
  // There would be room for this one.
  const third = await comeToWait(t, server, 1, 300)
  server.clock.advance(1)
  await until(() => second.every(isAnswered) && third.every(isAnswered))
  assert.match(second[0]?.text() ?? '', /^HTTP\/1\.1 503 [^]*retry-after: 1[^]*request\.admission\.wait\.ms/i)
  assert.match(third[0]?.text() ?? '', /^HTTP\/1\.1 200 /)
  const later = await comeToWait(t, server, 3, 1900)
  first.socket.write(paddedBody(1500).slice(10))
  await until(() => later.every(isAnswered))
  for (const client of [first, ...later]) assert.match(client.text(), /^HTTP\/1\.1 200 /)
  assert.equal(server.load.bodies.bytes, 0)
  assert.equal(server.load.statistics().shed['request-bytes'], 1)
})

test('while a large body waits small ones keep to their quarter, so that its turn comes', async (t) => {
  const server = await startWithTopic(t, { requestInflightMaxBytes: 8 * MIB })
  const small = [1, 2, 3].map(() => open(t, server))
  for (const client of small) post(client, MIB, 10)
  await until(() => server.load.bodies.bytes === 3 * MIB)
  const [large] = await comeToWait(t, server, 1, 5.5 * MIB)
  const [behind] = await comeToWait(t, server, 1, MIB)
  assert.ok(large !== undefined && behind !== undefined)
  small[0]?.socket.write(paddedBody(MIB).slice(10))
  await until(() => isAnswered(large))
  assert.match(large.text(), /^HTTP\/1\.1 200 /)
  await until(() => isAnswered(behind))
  assert.match(behind.text(), /^HTTP\/1\.1 200 /)
  for (const client of small) client.socket.destroy()
})

test('a client that goes away while it waits leaves the line; a stop answers those that wait', async (t) => {
  const server = await startWithTopic(t, { requestInflightMaxBytes: 2000 })
  const first = open(t, server)
  post(first, 1500, 10)
  await until(() => server.load.bodies.bytes === 1500)
  const [gone, patient] = await comeToWait(t, server, 2, 600)
  assert.ok(gone !== undefined && patient !== undefined)
  gone.socket.destroy()
  await until(() => server.load.bodies.waiting === 1)
  server.stop.abort()
  await until(() => isAnswered(patient))
  assert.match(patient.text(), /^HTTP\/1\.1 503 [^]*SERVER_STOPPING[^]*"stored":"no"/)
  assert.equal(server.load.bodies.bytes, 1500)
  first.socket.destroy()
})

test('a body of unknown length waits for room as it grows, before bodies that have not begun', async (t) => {
  const server = await startWithTopic(t, { requestInflightMaxBytes: 3000, requestIdleTimeoutMs: 600_000 })
  const first = open(t, server)
  post(first, 2000, 10)
  await until(() => server.load.bodies.bytes === 2000)
  const body = paddedBody(2500, 100)
  const growing = open(t, server)
  growing.socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n1f4\r\n${body.slice(0, 500)}\r\n`)
  await until(() => server.load.bodies.bytes === 2500)
  const [whole] = await comeToWait(t, server, 1, 2600)
  growing.socket.write(`7d0\r\n${body.slice(500)}\r\n0\r\n\r\n`)
  await until(() => server.load.bodies.waiting === 2)
  const publishes: number[] = []
  const append = server.engine.append.bind(server.engine)
  server.engine.append = (request) => {
    publishes.push(request.parts[0]?.batches[0]?.bytes.length ?? 0)
    return append(request)
  }
  first.socket.write(paddedBody(2000).slice(10))
  await until(() => whole !== undefined && isAnswered(whole) && isAnswered(growing))
  assert.match(growing.text(), /^HTTP\/1\.1 200 /)
  assert.equal(publishes.indexOf(Math.max(...publishes)), 1, 'it went before the one that had not begun')
  assert.equal(server.load.bodies.bytes, 0)
})

test('more publish work than fits into one turn leaves turns to others, and keeps its order', async (t) => {
  const server = await startWithTopic(t, {})
  const order: number[] = []
  const append = server.engine.append.bind(server.engine)
  server.engine.append = (request) => {
    order.push(request.parts[0]?.batches[0]?.bytes.length ?? 0)
    return append(request)
  }
  const client = open(t, server)
  const sizes = [3_000_000, 3_000_000, 300, 3_000_000, 400]
  for (const [index, size] of sizes.entries()) {
    client.socket.write(`${HEAD}Content-Length: ${size}\r\n\r\n${paddedBody(size, 1 + index)}`)
  }
  await until(() => client.text().match(/HTTP\/1\.1 200 /g)?.length === sizes.length)
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  )
})

test('one body alone is admitted whatever its size', async (t) => {
  const server = await startWithTopic(t, { requestInflightMaxBytes: 1000 })
  await server.api.post('/topics/orders/records').type('json').send(bodyOf(5000)).expect(200)
})

test('what a request holds is given free when it is refused, answered, or its client is gone', async (t) => {
  const server = await startWithTopic(t, {})
  const { api, load, engine } = server
  await api.post('/topics/orders/records?acks=7').type('json').send(bodyOf(600)).expect(400)
  await api.post('/topics/orders/records').type('json').send('{"records":').expect(400)
  await api.put('/topics/orders/config').type('json').send('{"x":1}')
  await api.post('/topics/absent/records').type('json').send(bodyOf(600))
  const late = Promise.withResolvers<void>()
  const append = engine.append.bind(engine)
  engine.append = async (request) => {
    await late.promise
    return append(request)
  }
  const gone = open(t, server)
  gone.socket.write(`${HEAD}Content-Length: 1500\r\n\r\n${bodyOf(1500)}`)
  const half = open(t, server)
  half.socket.write(`${HEAD}Content-Length: 1500\r\n\r\n{`)
  await until(() => load.bodies.bytes > 3000)
  half.socket.destroy()
  await until(() => load.bodies.bytes < 3000)
  gone.socket.destroy()
  assert.ok(load.bodies.bytes >= 1500, 'the engine still works on it')
  late.resolve()
  await until(() => load.bodies.bytes === 0)
})

/** More than what the kernel takes for a connection whose client does not read. */
async function largeTopic(t: TestContext, options: Parameters<typeof startApi>[1] = {}): Promise<ApiServer> {
  const server = await startWithTopic(t, { pageMaxBytes: 64 * MIB, fetchInflightMaxBytes: 32 * MIB, ...options })
  for (let record = 0; record < 40; record++) {
    await server.api.post('/topics/orders/records').type('json').send(bodyOf(900_000)).expect(200)
  }
  return server
}

const LARGE_PAGE = '/topics/orders/partitions/0/records?offset=0&maxBytes=67108864'

function deafReader(t: TestContext, server: ApiServer, pages = 1): Client {
  const client = open(t, server)
  client.socket.pause()
  client.socket.write(`GET ${LARGE_PAGE} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(pages))
  return client
}

/** It asks for many pages at once, and takes none: those behind the first wait for it. */
async function fillWithPages(t: TestContext, server: ApiServer): Promise<Client> {
  const deaf = deafReader(t, server, 100)
  await until(() => server.load.replies.isFull)
  return deaf
}

test('a page is smaller the more others hold', async (t) => {
  const server = await largeTopic(t)
  deafReader(t, server)
  await until(() => server.load.replies.bytes > 8 * MIB)
  const { replies } = server.load
  assert.ok(!replies.isFull && !replies.isFullFor(64 * 1024) && replies.isFullFor(2 * MIB))
  const page = await server.api.get(LARGE_PAGE).expect(200)
  assert.ok(page.body.records.length < 4, `${page.body.records.length} records`)
})

test('pages that are not taken are bounded together: one ends early, the next is refused, other requests are served', async (t) => {
  const server = await largeTopic(t)
  const deaf = await fillWithPages(t, server)
  const refused = await server.api.get(LARGE_PAGE)
  assert.deepEqual([refused.status, refused.body.code], [503, 'SERVER_OVERLOADED'])
  assert.equal(refused.headers['retry-after'], '1')
  assert.match(refused.body.detail, /at most 33554432 \(fetch\.inflight\.max\.bytes\)/)
  await server.api.get('/health/live').expect(200)
  await server.api.post('/topics/orders/records').type('json').send(bodyOf(600)).expect(200)
  assert.ok(server.load.statistics().shed['reply-bytes'] >= 1)
  deaf.socket.resume()
  await until(() => server.load.replies.bytes === 0)
  const page = await server.api.get(LARGE_PAGE).expect(200)
  assert.ok(page.body.records.length >= 1 && page.body.records.length < 40, 'the page has ended early')
  assert.equal(page.body.nextOffset, page.body.records.length)
  assert.equal(page.body.upToDate, false)
})

test('a page whose client goes away holds nothing any more', async (t) => {
  const server = await largeTopic(t)
  const deaf = await fillWithPages(t, server)
  deaf.socket.destroy()
  await until(() => server.load.replies.bytes === 0)
  await server.api.get('/topics/orders/records?maxRecords=1').expect(200)
})

test('a client that does not take a reply is cut off after reply.timeout.ms', async (t) => {
  const server = await largeTopic(t, { replyTimeoutMs: 60_000 })
  const waiting = open(t, server)
  waiting.socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await until(() => waiting.text().includes('live'))
  await fillWithPages(t, server)
  for (let ms = 0; ms < 58_000; ms += 2000) server.clock.advance(2000)
  assert.equal(server.load.statistics().shed['reply-timeout'], 0)
  for (let ms = 0; ms < 6000; ms += 2000) server.clock.advance(2000)
  await until(() => server.load.replies.bytes === 0)
  assert.equal(server.load.statistics().shed['reply-timeout'], 1)
  waiting.socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  await until(waiting.closed)
  assert.equal(waiting.text().match(/HTTP\/1\.1 200/g)?.length, 2)
})

test('a client that takes its page slowly, but within reply.timeout.ms, gets all of it', async (t) => {
  const server = await largeTopic(t, { replyTimeoutMs: 60_000 })
  const slow = deafReader(t, server)
  await until(() => server.load.replies.bytes > 8 * MIB)
  for (let ms = 0; ms < 58_000; ms += 2000) {
    server.clock.advance(2000)
    slow.socket.resume()
    await new Promise(setImmediate)
    slow.socket.pause()
  }
  slow.socket.resume()
  await until(() => server.load.replies.bytes === 0 && slow.text().endsWith('}'))
  const length = Number(/content-length: (\d+)/i.exec(slow.text())?.[1])
  assert.equal(slow.text().length - slow.text().indexOf('\r\n\r\n') - 4, length)
  assert.equal(server.load.statistics().shed['reply-timeout'], 0)
})

test('a connection with too many requests under way is closed, others are answered in order', async (t) => {
  const server = await startWithTopic(t, { connectionInflightMaxRequests: 10 })
  const poll = 'GET /topics/orders/partitions/0/records?waitMs=30000 HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const get = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const many = open(t, server)
  many.socket.write(poll + get.repeat(5000))
  await until(many.closed)
  assert.equal(server.load.statistics().shed.pipelining, 1)
  assert.equal(many.text(), '')
  const few = open(t, server)
  few.socket.write(get.repeat(9))
  await until(() => few.text().match(/HTTP\/1\.1 200/g)?.length === 9)
})

test('a client that goes away before its large reply leaves nothing held', async (t) => {
  const server = await startWithTopic(t, {})
  const { load, engine } = server
  const late = Promise.withResolvers<void>()
  const append = engine.append.bind(engine)
  let asked = 0
  engine.append = async (request) => {
    asked++
    await late.promise
    return append(request)
  }
  const records = Array.from({ length: 2000 }, () => ({ value: 'x' }))
  const body = JSON.stringify({ records })
  const request = `${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`
  const ends: Socket[] = []
  server.app.server.on('connection', (socket) => ends.push(socket))
  const gone = open(t, server)
  // The reply to the second one waits behind the first one's.
  gone.socket.write(request.repeat(2))
  await until(() => asked === 2)
  gone.socket.destroy()
  await until(() => ends.every((end) => end.closed))
  late.resolve()
  await until(() => load.bodies.bytes === 0)
})

test('clients that do not take their large replies do not keep others from publishing', async (t) => {
  const server = await startWithTopic(t, { requestInflightMaxBytes: 4 * MIB, requestMaxRecords: 100_000 })
  const body = `{"records":[${'{"value":"1"},'.repeat(99_999)}{"value":"1"}]}`
  const deaf = open(t, server)
  deaf.socket.pause()
  deaf.socket.write(`${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`)
  await until(() => server.load.bodies.bytes > 5 * MIB)
  await server.api.post('/topics/orders/records').type('json').send(bodyOf(600)).expect(200)
  assert.ok(server.load.bodies.bytes > 5 * MIB, 'the reply counts until it is taken')
  deaf.socket.destroy()
  await until(() => server.load.bodies.bytes === 0)
})

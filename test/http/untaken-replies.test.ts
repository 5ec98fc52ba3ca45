import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { startApi, ApiServer } from './api-server.ts'
import { MIB, HEAD, bodyOf, startWithTopic } from './load-client.ts'
import { type RawClient, openRawClient, until } from './raw-client.ts'

/** More than what the kernel takes for a connection whose client does not read. */
async function largeTopic(t: TestContext, options: Parameters<typeof startApi>[1] = {}): Promise<ApiServer> {
  const server = await startWithTopic(t, { pageMaxBytes: 64 * MIB, fetchInflightMaxBytes: 32 * MIB, ...options })
  for (let record = 0; record < 40; record++) {
    await server.api.post('/topics/orders/records').type('json').send(bodyOf(900_000)).expect(200)
  }
  return server
}

const LARGE_PAGE = '/topics/orders/partitions/0/records?offset=0&maxBytes=67108864'

function deafReader(t: TestContext, server: ApiServer, pages = 1): RawClient {
  const client = openRawClient(t, server)
  client.socket.pause()
  client.socket.write(`GET ${LARGE_PAGE} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(pages))
  return client
}

/** It asks for many pages at once, and takes none: those behind the first wait for it. */
async function fillWithPages(t: TestContext, server: ApiServer): Promise<RawClient> {
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
  const waiting = openRawClient(t, server)
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
  const many = openRawClient(t, server)
  many.socket.write(poll + get.repeat(5000))
  await until(many.closed)
  assert.equal(server.load.statistics().shed.pipelining, 1)
  assert.equal(many.text(), '')
  const few = openRawClient(t, server)
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
  const gone = openRawClient(t, server)
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
  const deaf = openRawClient(t, server)
  deaf.socket.pause()
  deaf.socket.write(`${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`)
  await until(() => server.load.bodies.bytes > 5 * MIB)
  await server.api.post('/topics/orders/records').type('json').send(bodyOf(600)).expect(200)
  assert.ok(server.load.bodies.bytes > 5 * MIB, 'the reply counts until it is taken')
  deaf.socket.destroy()
  await until(() => server.load.bodies.bytes === 0)
})

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { ApiServer } from './api-server.ts'
import { MIB, HEAD, bodyOf, paddedBody, startWithTopic } from './load-client.ts'
import { type RawClient, openRawClient, until } from './raw-client.ts'

test('a body for which there is no room is refused by its length, and has room again when others are answered', async (t) => {
  const server = await startWithTopic(t, { requestInflightMaxBytes: 2000, requestAdmissionWaitMs: 0 })
  const first = openRawClient(t, server)
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
  const first = openRawClient(t, server)
  first.socket.write(`${HEAD}Content-Length: 2000\r\n\r\n{`)
  await until(() => server.load.bodies.bytes === 2000)
  const chunked = openRawClient(t, server)
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
  const first = openRawClient(t, server)
  first.socket.write(`${HEAD}Content-Length: ${5 * MIB}\r\n\r\n{`)
  await until(() => server.load.bodies.bytes === 5 * MIB)
  const large = openRawClient(t, server)
  large.socket.write(`${HEAD}Content-Length: ${2 * MIB}\r\n\r\n{`)
  await until(() => server.load.bodies.waiting === 1)
  await server.api.post('/topics/orders/records').type('json').send(bodyOf(600_000)).expect(200)
  server.clock.advance(1000)
  await until(() => large.text().includes('SERVER_OVERLOADED'))
  first.socket.destroy()
  large.socket.destroy()
})

function post(client: RawClient, sizeBytes: number, sentBytes = sizeBytes): void {
  client.socket.write(`${HEAD}Content-Length: ${sizeBytes}\r\n\r\n${paddedBody(sizeBytes).slice(0, sentBytes)}`)
}

/** So many clients, of whom each has come before the next, that post a body of this size. */
async function comeToWait(t: TestContext, server: ApiServer, count: number, sizeBytes: number): Promise<RawClient[]> {
  const clients: RawClient[] = []
  for (let number = 0; number < count; number++) {
    const client = openRawClient(t, server)
    const before = server.load.bodies.waiting
    post(client, sizeBytes)
    await until(() => server.load.bodies.waiting === before + 1)
    clients.push(client)
  }
  return clients
}

const isAnswered = (client: RawClient): boolean => client.text().includes('\r\n\r\n{')

test('a body waits for room, behind those that came before it, and is refused when its time is over', async (t) => {
  const server = await startWithTopic(t, { requestInflightMaxBytes: 2000, requestAdmissionWaitMs: 500 })
  const first = openRawClient(t, server)
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
  const small = [1, 2, 3].map(() => openRawClient(t, server))
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
  const first = openRawClient(t, server)
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
  const first = openRawClient(t, server)
  post(first, 2000, 10)
  await until(() => server.load.bodies.bytes === 2000)
  const body = paddedBody(2500, 100)
  const growing = openRawClient(t, server)
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
  const client = openRawClient(t, server)
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
  const gone = openRawClient(t, server)
  gone.socket.write(`${HEAD}Content-Length: 1500\r\n\r\n${bodyOf(1500)}`)
  const half = openRawClient(t, server)
  half.socket.write(`${HEAD}Content-Length: 1500\r\n\r\n{`)
  await until(() => load.bodies.bytes > 3000)
  half.socket.destroy()
  await until(() => load.bodies.bytes < 3000)
  gone.socket.destroy()
  assert.ok(load.bodies.bytes >= 1500, 'the engine still works on it')
  late.resolve()
  await until(() => load.bodies.bytes === 0)
})

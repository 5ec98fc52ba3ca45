import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { startWithTopic, publish, open, until } from './open-stream.ts'

/** A client that asks for more of `orders` than its socket holds, and takes none of it. */
async function askAndTakeNothing(t: TestContext, server: Awaited<ReturnType<typeof startWithTopic>>): Promise<void> {
  const value = 'x'.repeat(50_000)
  for (let round = 0; round < 100; round += 1) await publish(server, 0, value, value)
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.pause()
  socket.write('GET /topics/orders/stream?from=earliest HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await until(() => server.load.replies.bytes > 0, 'its socket is full')
}

test('a stop ends streams with what a browser needs to come back', async (t) => {
  const server = await startWithTopic(t)
  const stream = await open(t, server)
  await stream.some()
  server.stop.abort()
  const { event, data } = await stream.some()
  assert.deepEqual([event, JSON.parse(data ?? '').code], ['problem', 'SERVER_STOPPING'])
  assert.equal(await stream.frame(), undefined)
})

test('a stop waits a second for a client that takes nothing, and no longer', async (t) => {
  const server = await startWithTopic(t, 1)
  await askAndTakeNothing(t, server)
  server.stop.abort()
  server.clock.advance(900)
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(server.load.replies.bytes > 0)
  server.clock.advance(200)
  await until(() => server.load.replies.bytes === 0, 'it is cut off')
})

test('a client that comes back a thousand times leaves nothing behind', async (t) => {
  const server = await startWithTopic(t)
  for (let round = 0; round < 1000; round += 1) {
    const stream = await open(t, server, round % 2 === 0 ? '' : '?from=earliest')
    await stream.some()
    stream.close()
  }
  await until(() => server.engine.waiting === 0, 'nothing waits')
  assert.equal(server.load.replies.bytes, 0)
})

test('nothing is read for a stream whose client does not take what it was sent', async (t) => {
  const server = await startWithTopic(t, 1)
  const value = 'x'.repeat(50_000)
  for (let round = 0; round < 300; round += 1) await publish(server, 0, value, value)
  const { port } = new URL(server.url)
  const socket = connect(Number(port), '127.0.0.1')
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  socket.pause()
  socket.write('GET /topics/orders/stream?from=earliest HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await until(() => server.load.replies.bytes > 0, 'its socket is full')
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  const { reads } = server.engine
  const held = server.load.replies.bytes
  assert.ok(held < 500_000, `${held} bytes are held`)
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(server.engine.reads, reads)
  let taken = 0
  socket.on('data', (chunk: Buffer) => (taken += chunk.length))
  socket.resume()
  while (taken < 600 * value.length) await once(socket, 'data')
  assert.ok(server.engine.reads > reads + 10, `${reads} of ${server.engine.reads} reads were before`)
  socket.destroy()
  await until(() => server.load.replies.bytes === 0, 'all is given back')
})

test('a stream whose client takes nothing for too long is cut off', async (t) => {
  const server = await startWithTopic(t, 1, { replyTimeoutMs: 60_000 })
  await askAndTakeNothing(t, server)
  for (let second = 0; second < 70; second += 1) server.clock.advance(1000)
  await until(() => server.load.replies.bytes === 0, 'all is given back')
  assert.equal(server.load.statistics().shed['reply-timeout'], 1)
})

test('a stream that lags behind the others gets all, in order', async (t) => {
  const server = await startWithTopic(t, 1)
  const quick = await open(t, server)
  await quick.some()
  const { port } = new URL(server.url)
  const socket = connect(Number(port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write('GET /topics/orders/stream HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await once(socket, 'data')
  socket.pause()
  const value = 'y'.repeat(100_000)
  const count = 150
  for (let round = 0; round < count; round += 1) {
    await publish(server, 0, `${round} ${value}`)
    await quick.records(1)
  }
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
  socket.resume()
  while (!text.includes(`"value":"${count - 1} `)) await once(socket, 'data')
  const order = [...text.matchAll(/"value":"(\d+) /g)].map((match) => Number(match[1]))
  assert.deepEqual(
    order,
    Array.from({ length: count }, (_, index) => index),
  )
})

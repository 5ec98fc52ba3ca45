import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { startApi } from './api-server.ts'

test('a stream of lines that fails behind a request that waits is broken off when its turn comes', async (t) => {
  const server = await startApi(t)
  await server.api.put('/topics/orders').send({ partitions: 1 }).expect(201)
  const { engine } = server
  const goOn = Promise.withResolvers<void>()
  const read = engine.read.bind(engine)
  engine.read = async (request) => {
    await goOn.promise
    return read(request)
  }
  const lines = '{"value":"a","partition":0}\n'.repeat(1500) + '{"value":7}\n'
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  const ended = Promise.withResolvers<string>()
  let text = ''
  socket.on('data', (chunk) => (text += chunk.toString('latin1')))
  socket.on('close', () => ended.resolve(text))
  socket.write(
    'GET /topics/orders/partitions/0/records HTTP/1.1\r\nHost: localhost\r\n\r\n' +
      'POST /topics/orders/lines?results=lines HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n' +
      `Content-Length: ${lines.length}\r\n\r\n${lines}`,
  )
  for (let stored = 0; stored < 1500;) {
    const { body } = await server.api.get('/topics/orders/partitions/0').expect(200)
    stored = body.highWatermark
  }
  assert.equal(text, '')
  goOn.resolve()
  assert.match(
    await ended.promise,
    /"nextOffset":500[^]*HTTP\/1\.1 200 [^]*"line":1501,.*"code":"INVALID_REQUEST".*\n\r\n$/,
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HEAD, startWithTopic, linesOf, keysOf, keys, type Client, open } from './lines-client.ts'
import { until } from './raw-client.ts'

test('lines of a slow client are stored while it goes on, and told', async (t) => {
  const server = await startWithTopic(t)
  const client = open(t, server)
  client.send('{"key":"k0"}\n{"key":')
  await until(() => {
    server.clock.advance(5)
    return client.text().includes('"lastLine":1,')
  })
  assert.deepEqual(await keysOf(server), keys(1))
  client.send('"k1"}\n')
  client.socket.write('0\r\n\r\n')
  await until(() => client.text().endsWith('0\r\n\r\n'))
  assert.match(client.text(), /"lineCount":2,"recordCount":2/)
})

test('after the reply began a failure is its last line, and the reply has no end', async (t) => {
  const server = await startWithTopic(t)
  const client = open(t, server)
  client.send('{"key":"k0"}\n')
  await until(() => {
    server.clock.advance(5)
    return client.text().includes('"lastLine":1,')
  })
  client.send('{"value":7}\n')
  await until(() => client.closed())
  assert.match(client.text(), /^HTTP\/1\.1 200 /)
  assert.match(client.text(), /"line":2,.*"code":"INVALID_REQUEST".*\n\r\n$/)
})

test('of a client that goes away what was stored stays, and no half line is', async (t) => {
  const server = await startWithTopic(t)
  const client = open(t, server)
  client.send(`${linesOf(0, 10)}{"key":"k1`)
  await until(() => {
    server.clock.advance(5)
    return client.text().includes('"lastLine":10,')
  })
  client.socket.destroy()
  await until(() => server.load.bodies.bytes === 0)
  assert.deepEqual(await keysOf(server), keys(10))
})

const breaks = [
  { name: 'that is framed wrong', end: (client: Client) => void client.socket.write('zz\r\n') },
  { name: 'whose client ends it early', end: (client: Client) => void client.socket.end() },
]
for (const { name, end } of breaks) {
  test(`a stream ${name} is told what was stored of it, in the one answer`, async (t) => {
    const server = await startWithTopic(t)
    for (const results of ['summary', 'lines']) {
      const client = open(t, server, HEAD.replace('results=lines', `results=${results}`))
      client.send('{"key":"k0"}\n{"key":')
      const { length } = await keysOf(server)
      while ((await keysOf(server)).length === length) server.clock.advance(5)
      end(client)
      await until(() => /"nextLine":2,.*"stored":"partial"/.test(client.text()))
      assert.equal(client.text().match(/HTTP\/1\.1/g)?.length, 1)
      // Then it is closed.
      server.clock.advance(5000)
    }
  })
}

test('a stream of which no byte comes is ended with what was stored of it', async (t) => {
  const server = await startWithTopic(t, { requestIdleTimeoutMs: 1000 })
  const client = open(t, server, HEAD.replace('?results=lines', ''))
  client.send(linesOf(0, 3))
  await until(() => {
    server.clock.advance(100)
    return client.text().endsWith('}')
  })
  assert.match(client.text(), /^HTTP\/1\.1 408 /)
  assert.match(client.text(), /"nextLine":4,"recordCount":3/)
  assert.deepEqual(await keysOf(server), keys(3))
  server.clock.advance(5000)
})

test('a stop of the server ends a stream with what was stored of it', async (t) => {
  const server = await startWithTopic(t)
  const client = open(t, server, HEAD.replace('?results=lines', ''))
  client.send(linesOf(0, 3))
  await until(() => server.load.bodies.bytes > 0)
  server.stop.abort()
  await until(() => client.text().endsWith('}'))
  assert.match(client.text(), /^HTTP\/1\.1 503 /)
  assert.match(client.text(), /"nextLine":4,"recordCount":3,.*"code":"SERVER_STOPPING".*"stored":"partial"/)
  await until(() => {
    server.clock.advance(500)
    return client.closed()
  })
})

test('HTTP/1.0 and Expect: 100-continue are served', async (t) => {
  const server = await startWithTopic(t)
  const body = linesOf(0, 3)
  const old = open(
    t,
    server,
    `POST /topics/orders/lines HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  await until(() => old.closed())
  assert.match(old.text(), /"recordCount":3/)
  const polite = open(t, server, HEAD.replace('Transfer', 'Expect: 100-continue\r\nTransfer'))
  await until(() => polite.text().startsWith('HTTP/1.1 100 '))
  polite.send(body)
  polite.socket.write('0\r\n\r\n')
  await until(() => polite.text().endsWith('0\r\n\r\n'))
  assert.match(polite.text(), /"recordCount":3/)
})

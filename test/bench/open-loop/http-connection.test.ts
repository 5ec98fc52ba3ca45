import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { ConnectionPool } from '../../../bench/open-loop/connection-pool.ts'
import { getRequest, parseReply, postRequest } from '../../../bench/open-loop/http-connection.ts'

const reply = Buffer.from('HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nabc')

test('a reply is taken when it is whole, and not what follows it', () => {
  for (let length = 0; length < reply.length; length++) assert.equal(parseReply(reply.subarray(0, length)), undefined)
  const parsed = parseReply(Buffer.concat([reply, Buffer.from('HTTP')]))
  assert.equal(parsed?.status, 201)
  assert.equal(parsed.body.toString(), 'abc')
  assert.equal(parsed.sizeBytes, reply.length)
})

test('a reply of unknown length is refused', () => {
  assert.throws(() => parseReply(Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')), /chunked/)
})

test('more requests than connections wait their turn, and all are answered', async (t) => {
  const server = createServer((request, response) => {
    request
      .resume()
      .on('end', () => response.end(`${request.method} ${request.url} ${request.headers['content-type']}`))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const pool = await ConnectionPool.open(origin, 2)
  t.after(() => pool.close())
  const requests = [1, 2, 3, 4, 5].map((n) => postRequest(origin, `/${n}`, 'text/x', Buffer.from('body')))
  const replies = await Promise.all([...requests, getRequest(origin, '/6')].map((request) => pool.send(request)))
  assert.deepEqual(
    replies.map(({ status, body }) => `${status} ${body.toString()}`),
    [...[1, 2, 3, 4, 5].map((n) => `200 POST /${n} text/x`), '200 GET /6 undefined'],
  )
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { Connection } from '@platformatic/kafka'
import { produce } from '../../../src/kafka/produce/produce-request.ts'
import { cleanUpBehind } from '../../support/temp-directory.ts'

/** A node that takes what it is sent, and answers nothing. */
async function muteNode(t: TestContext) {
  const sockets: Socket[] = []
  const server = createServer((socket) => sockets.push(socket.pause())).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const connection = new Connection('test', { requestTimeout: 60_000, maxInflights: 1000 })
  connection.on('error', () => {})
  cleanUpBehind(t, () => {
    for (const socket of sockets) socket.destroy()
    connection.socket?.destroy()
    server.close()
  })
  const address = server.address()
  await connection.connect('127.0.0.1', typeof address === 'object' && address !== null ? address.port : 0)
  while (sockets.length === 0) await new Promise((resolve) => setImmediate(resolve))
  return { connection, socket: sockets[0] }
}

test('a request has a copy of its records: they may be used again at once, however late it is written', async (t) => {
  const { connection, socket } = await muteNode(t)
  assert.ok(socket)
  // More than sockets hold, so that most of it is still to be written when the memory is used again.
  const batches = Array.from({ length: 40 }, (_, partition) => {
    return { topic: 'orders', partition, bytes: Buffer.alloc(512 * 1024, 'a') }
  })
  const answers = batches.map((batch) => produce(connection, { acks: 'all', timeoutMs: 1000, batches: [batch] }))
  for (const answer of answers) answer.catch(() => {})
  for (const { bytes } of batches) bytes.fill('b')
  const sizeBytes = batches.length * 512 * 1024
  let count = 0
  let others = 0
  const all = Promise.withResolvers<undefined>()
  socket.on('data', (chunk: Buffer) => {
    for (const byte of chunk) {
      if (byte === 0x61) count++
      if (byte === 0x62) others++
    }
    if (count + others >= sizeBytes) all.resolve(undefined)
  })
  socket.resume()
  await all.promise
  // A few letters are the names in the requests' heads.
  assert.ok(others < 1000, `${others} bytes of what the memory held later`)
})

test('a request without an answer is rejected when the connection is gone', async (t) => {
  const { connection, socket } = await muteNode(t)
  const batches = [{ topic: 'orders', partition: 0, bytes: Buffer.alloc(100) }]
  const answer = produce(connection, { acks: 'all', timeoutMs: 1000, batches })
  socket?.destroy()
  await assert.rejects(answer, /Connection closed/)
})

test('without acknowledgement a request is done when the connection has taken it, or is gone', async (t) => {
  const { connection, socket } = await muteNode(t)
  const batches = [{ topic: 'orders', partition: 0, bytes: Buffer.alloc(8 * 1024 * 1024) }]
  const send = () => produce(connection, { acks: '0', timeoutMs: 1000, batches })
  let done = 0
  const all = Array.from({ length: 4 }, async () => {
    assert.deepEqual(await send(), [])
    done++
  })
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(done < 4, 'a node that takes nothing is sent no more')
  socket?.resume()
  await Promise.all(all)
  socket?.pause()
  const last = Array.from({ length: 4 }, send)
  connection.socket?.destroy()
  await Promise.all(last)
})

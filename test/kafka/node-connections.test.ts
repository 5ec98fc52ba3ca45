import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../../src/broker/clock.ts'
import { NodeConnections, type NodeAddress } from '../../src/kafka/node-connections.ts'

/** A node that takes connections, and says nothing. */
async function startNode(t: TestContext): Promise<{ readonly address: NodeAddress; readonly sockets: Socket[] }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {}).resume()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const bound = server.address()
  assert.ok(typeof bound === 'object' && bound !== null)
  return { address: { host: '127.0.0.1', port: bound.port }, sockets }
}

function connectionsOf(t: TestContext, onLost: () => void): NodeConnections {
  const connections = new NodeConnections('test', { connectTimeout: 5000 }, systemClock, onLost)
  t.after(() => connections.close())
  return connections
}

test('a connection that the node ends is told of once, and the next one who asks gets another', async (t) => {
  const { address, sockets } = await startNode(t)
  const lost = Promise.withResolvers<void>()
  let losses = 0
  const connections = connectionsOf(t, () => {
    losses++
    lost.resolve()
  })
  const first = await connections.get(address)
  assert.equal(await connections.get(address), first)
  sockets[0]?.resetAndDestroy()
  await lost.promise
  assert.equal(connections.has(address), false)
  const second = await connections.get(address)
  assert.notEqual(second, first)
  assert.equal(losses, 1)
})

test('connections that we end, or that never came about, are no losses', async (t) => {
  const { address } = await startNode(t)
  let losses = 0
  const connections = connectionsOf(t, () => void losses++)
  const given = await connections.get(address)
  const ended = once(given, 'close')
  connections.giveUp(address)
  await ended
  await connections.get(address)
  await connections.close()
  const refused = connectionsOf(t, () => void losses++)
  await assert.rejects(refused.get({ host: '127.0.0.1', port: 1 }))
  assert.equal(losses, 0)
})

import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { startApi } from './api-server.ts'

const RECORDS = 10_000
const body = JSON.stringify({ records: Array.from({ length: RECORDS }, () => ({ value: 'x', partition: 0 })) })

const offsetsOf = (reply: { records: { offset: number }[] }): number[] => reply.records.map(({ offset }) => offset)
const from = (first: number): number[] => Array.from({ length: RECORDS }, (_, index) => first + index)

test('replies that are taken leave their memory to the next ones', async (t) => {
  const { api } = await startApi(t)
  await api.put('/topics/orders').send({ partitions: 1 }).expect(201)
  for (let i = 0; i < 5; i++) {
    const reply = await api.post('/topics/orders/records').type('json').send(body).expect(200)
    assert.deepEqual(offsetsOf(reply.body), from(i * RECORDS))
  }
})

/** Replies of half a megabyte: more than the kernel keeps for a connection. */
const UNREAD = 30

test('a reply keeps its memory until its client has taken it, whatever is answered meanwhile', async (t) => {
  const { api, url, engine } = await startApi(t)
  await api.put('/topics/orders').send({ partitions: 1 }).expect(201)
  const append = t.mock.method(engine, 'append')
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.pause()
  const request = (connection: string): string =>
    `POST /topics/orders/records HTTP/1.1\r\nHost: localhost\r\nConnection: ${connection}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  socket.write(request('keep-alive').repeat(UNREAD - 1) + request('close'))

  // The server stops reading from a client that takes no replies: until then, and a while longer, others are answered.
  let others = 0
  let answered = -1
  for (let calm = 0; calm < 5; calm++) {
    const reply = await api.post('/topics/orders/records').type('json').send(body).expect(200)
    isOneRun(offsetsOf(reply.body))
    others++
    if (append.mock.callCount() - others !== answered) calm = 0
    answered = append.mock.callCount() - others
  }
  assert.ok(answered < UNREAD, 'some replies could not be written')
  const replies = await repliesOn(socket)
  const starts = replies.map((reply) => isOneRun(offsetsOf(JSON.parse(reply))))
  assert.equal(replies.length, UNREAD)
  assert.deepEqual(
    starts,
    starts.toSorted((a, b) => a - b),
  )
})

/** All records of a request lie one behind the other. */
function isOneRun(offsets: readonly number[]): number {
  const [first = -1] = offsets
  assert.deepEqual(offsets, from(first))
  return first
}

/** The bodies of all replies, which follow one another until the connection is closed. */
async function repliesOn(socket: Socket): Promise<string[]> {
  const text = Buffer.concat(await socket.toArray()).toString('latin1')
  return text
    .split('HTTP/1.1 200 OK\r\n')
    .slice(1)
    .map((reply) => reply.slice(reply.indexOf('\r\n\r\n') + 4))
}

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { startApi, type ApiServer } from './api-server.ts'
import { EventReader, type Frame } from './event-source.ts'
import { TestMember } from './test-member.ts'

/** A topic of four partitions. */
async function startWithOrders(t: TestContext): Promise<ApiServer> {
  const server = await startApi(t)
  await server.api.put('/topics/orders').send({ partitions: 4 }).expect(201)
  return server
}

async function publish({ api }: ApiServer, partition: number, ...texts: readonly string[]): Promise<void> {
  await api
    .post('/topics/orders/records')
    .send({ records: texts.map((value) => ({ value, partition })) })
    .expect(200)
}

async function joined(server: ApiServer, memberId: string, more: object = {}): Promise<TestMember> {
  const member = new TestMember(server, memberId)
  await member.join({ topics: ['orders'], ...more })
  return member
}

function open(t: TestContext, { url }: ApiServer, member: TestMember, headers: Record<string, string> = {}) {
  return EventReader.open(t, `${url}${member.path}/stream?cursor=${member.cursor}`, headers)
}

/** Frames up to the one with this event. */
async function event(stream: EventReader, name: string) {
  for (;;) {
    const frame = await stream.some()
    if (frame.event === name) return JSON.parse(frame.data ?? '')
  }
}

/** The next records, whatever comes in between. */
async function values(stream: EventReader, count: number): Promise<string[]> {
  const found: string[] = []
  while (found.length < count) {
    const { event: name, data }: Frame = await stream.some()
    if (name === undefined && data !== undefined) found.push(JSON.parse(data).value)
  }
  return found
}

async function until(reached: () => boolean, message: string): Promise<void> {
  for (let turn = 0; turn < 10_000; turn += 1) {
    if (reached()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.fail(message)
}

test('a member’s stream tells its assignment, then its records, and goes on from any id', async (t) => {
  const server = await startWithOrders(t)
  await publish(server, 0, 'a', 'b')
  await publish(server, 2, 'c')
  const member = await joined(server, 'm')
  const stream = await open(t, server, member)
  const opening = await stream.some()
  assert.deepEqual([opening.id, opening.data], [member.cursor, undefined])
  const assignment = await stream.some()
  assert.equal(assignment.event, 'assignment')
  assert.deepEqual(JSON.parse(assignment.data ?? '').assignment, [{ topic: 'orders', partitions: [0, 1, 2, 3] }])
  const ids = [assignment.id ?? '']
  const seen: string[] = []
  while (seen.length < 3) {
    const { id, data, event: name } = await stream.some()
    assert.equal(name, undefined)
    if (data === undefined) continue
    seen.push(JSON.parse(data).value)
    ids.push(id ?? '')
  }
  assert.deepEqual(new Set(seen), new Set(['a', 'b', 'c']))
  stream.close()
  for (const [place, id] of ids.entries()) {
    const { values: left } = await member.page({ cursor: id })
    assert.deepEqual(new Set([...seen.slice(0, place), ...left]), new Set(['a', 'b', 'c']))
    assert.equal(left.length, 3 - place)
  }
})

test('what comes later is sent, and any id can be committed', async (t) => {
  const server = await startWithOrders(t)
  const member = await joined(server, 'm')
  const stream = await open(t, server, member)
  await event(stream, 'assignment')
  await publish(server, 1, 'x', 'y')
  assert.deepEqual(await values(stream, 1), ['x'])
  const { body } = await member.commit({ cursor: stream.lastEventId }).expect(200)
  assert.deepEqual(body.items, [{ topic: 'orders', partition: 1, nextOffset: 1, lag: 1 }])
  assert.deepEqual(await values(stream, 1), ['y'])
  const again = await EventReader.open(t, `${server.url}${member.path}/stream?cursor=stale`, {
    'last-event-id': stream.lastEventId,
  })
  await publish(server, 3, 'z')
  assert.deepEqual(await values(again, 1), ['z'])
})

test('a member is told what it is to let go of, and gets what it was given', async (t) => {
  const server = await startWithOrders(t)
  const one = await joined(server, 'one')
  const stream = await open(t, server, one)
  await event(stream, 'assignment')
  const two = await joined(server, 'two')
  const { revoking } = await event(stream, 'revoking')
  assert.equal(revoking[0].partitions.length, 2)
  const other = await open(t, server, two)
  assert.deepEqual((await event(other, 'assignment')).assignment, [])
  one.cursor = stream.lastEventId
  assert.equal((await one.heartbeat(revoking)).status, 200)
  assert.deepEqual((await event(other, 'assignment')).assignment, revoking)
  assert.deepEqual((await event(stream, 'revoking')).revoking, [])
  await publish(server, revoking[0].partitions[0], 'moved')
  assert.deepEqual(await values(other, 1), ['moved'])
})

test('a newer stream of the member ends the one before it', async (t) => {
  const server = await startWithOrders(t)
  const member = await joined(server, 'm')
  const stream = await open(t, server, member)
  await event(stream, 'assignment')
  await until(() => server.engine.waiting > 0, 'the stream waits')
  const newer = await open(t, server, member)
  await event(newer, 'assignment')
  while ((await stream.frame()) !== undefined);
  await publish(server, 0, 'x')
  assert.deepEqual(await values(newer, 1), ['x'])
})

test('a stream keeps its member as long as what it sent is committed in time', async (t) => {
  const server = await startWithOrders(t)
  const member = await joined(server, 'm', { maxPollIntervalMs: 60_000 })
  const stream = await open(t, server, member)
  await event(stream, 'assignment')
  const pass = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second += 1) {
      await until(() => server.engine.waiting > 0, 'the stream waits')
      server.clock.advance(1000)
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await pass(300)
  await publish(server, 0, 'x')
  assert.deepEqual(await values(stream, 1), ['x'])
  member.cursor = stream.lastEventId
  await pass(50)
  await member.committed()
  await pass(300)
  await publish(server, 0, 'y')
  assert.deepEqual(await values(stream, 1), ['y'])
  for (let second = 0; second < 200; second += 1) {
    server.clock.advance(1000)
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal((await event(stream, 'problem')).code, 'UNKNOWN_MEMBER_ID')
  assert.equal(await stream.frame(), undefined)
})

test('a member that takes nothing is sent nothing more, and stays a member', async (t) => {
  const server = await startWithOrders(t)
  const member = await joined(server, 'm')
  const value = 'x'.repeat(50_000)
  for (let round = 0; round < 100; round += 1) await publish(server, 0, value, value)
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.pause()
  socket.write(`GET ${member.path}/stream?cursor=${member.cursor} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  await until(() => server.load.replies.bytes > 0, 'its socket is full')
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  const { reads } = server.engine
  for (let second = 0; second < 100; second += 1) {
    server.clock.advance(1000)
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(server.engine.reads, reads)
  assert.equal((await member.heartbeat()).status, 200)
  let taken = 0
  socket.on('data', (chunk: Buffer) => (taken += chunk.length))
  socket.resume()
  while (taken < 200 * value.length) await once(socket, 'data')
})

test('who may not read as this member is refused before the stream begins', async (t) => {
  const server = await startWithOrders(t)
  const member = await joined(server, 'm')
  const other = await joined(server, 'other')
  const gone = await joined(server, 'gone')
  await gone.leave().expect(204)
  for (const [target, status, code] of [
    [`${member.path}/stream`, 400, 'INVALID_REQUEST'],
    [`${member.path}/stream?cursor=nonsense`, 400, 'INVALID_CURSOR'],
    [`${member.path}/stream?cursor=${other.cursor}`, 400, 'INVALID_CURSOR'],
    [`${gone.path}/stream?cursor=${gone.cursor}`, 404, 'UNKNOWN_MEMBER_ID'],
    [`${member.path}/stream?cursor=${member.cursor}&from=latest`, 400, 'INVALID_REQUEST'],
  ] as const) {
    const answer = await server.api.get(target)
    assert.deepEqual([answer.status, answer.body.code], [status, code], target)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../src/broker/broker-error.ts'
import type { EventReader } from './event-source.ts'
import { NOW, startWithTopic, publish, open, until, valuesOf, sortedTexts } from './open-stream.ts'

test('a stream begins at the end, with an id before any record, and gives what comes', async (t) => {
  const server = await startWithTopic(t)
  await publish(server, 0, 'before')
  const stream = await open(t, server)
  assert.equal(stream.response.headers.get('x-accel-buffering'), 'no')
  assert.equal(stream.response.headers.get('cache-control'), 'no-store')
  const first = await stream.some()
  assert.match(first.retry ?? '', /^\d+$/)
  assert.ok(first.id)
  await publish(server, 1, { total: 12.5 })
  const frame = await stream.some()
  assert.deepEqual(
    frame.data,
    `{"topic":"orders","partition":1,"offset":0,"timestamp":${NOW},"key":null,"value":{"total":12.5},"headers":[]}`,
  )
  assert.equal(frame.event, undefined)
  await publish(server, 0, 'after')
  assert.deepEqual(valuesOf(await stream.records(1)), ['after'])
})

test('the id of a frame is the cursor behind its record: reading on from any of them misses and repeats nothing', async (t) => {
  const server = await startWithTopic(t)
  for (let round = 0; round < 3; round += 1) await publish(server, round % 2, `a${round}`, `b${round}`, `c${round}`)
  const whole = await open(t, server, '?from=earliest')
  const ids = [(await whole.some()).id ?? '']
  const seen: string[] = []
  while (seen.length < 9) {
    const { data, id } = await whole.some()
    seen.push(JSON.parse(data ?? '').value)
    ids.push(id ?? '')
  }
  for (const [place, id] of ids.entries()) {
    const rest = await open(t, server, '?from=latest', { 'last-event-id': id })
    await rest.some()
    const left = valuesOf(await rest.records(9 - place))
    assert.deepEqual(new Set([...seen.slice(0, place), ...left]), new Set(seen))
    rest.close()
    const page = await server.api.get(`/topics/orders/records?cursor=${encodeURIComponent(id)}`).expect(200)
    assert.equal(page.body.records.length, 9 - place)
  }
  await publish(server, 0, 'later')
  assert.deepEqual(valuesOf(await whole.records(1)), ['later'])
})

test('a start is one of cursor, from and last, within some partitions; Last-Event-ID stands before it', async (t) => {
  const server = await startWithTopic(t, 3)
  for (const partition of [0, 1, 2]) await publish(server, partition, `a${partition}`, `b${partition}`)
  const newest = await open(t, server, '?last=1&partitions=1-2')
  assert.deepEqual(valuesOf(await newest.records(2)), ['b1', 'b2'])
  await publish(server, 0, 'unseen')
  await publish(server, 2, 'c2')
  assert.deepEqual(valuesOf(await newest.records(1)), ['c2'])
  const page = await server.api.get('/topics/orders/records?maxRecords=3').expect(200)
  const behind = await open(t, server, `?cursor=${encodeURIComponent(page.body.cursor)}`)
  assert.equal((await behind.records(5)).length, 5)
  const again = await open(t, server, '?last=1&partitions=1-2', { 'last-event-id': newest.lastEventId })
  await publish(server, 1, 'd1')
  assert.deepEqual(valuesOf(await again.records(1)), ['d1'])
})

test('readers that come at different times and places all get every record once', async (t) => {
  const server = await startWithTopic(t, 2)
  const readers: { from: number; stream: EventReader }[] = []
  for (let round = 0; round < 20; round += 1) {
    const query = ['?from=earliest', '', '?last=2'][round % 3] ?? ''
    readers.push({ from: round, stream: await open(t, server, query) })
    await publish(server, round % 2, `r${round}`)
  }
  for (const { from, stream } of readers) {
    const first = [0, from, Math.max(0, from - 4)][from % 3] ?? 0
    assert.deepEqual(sortedTexts(valuesOf(await stream.records(20 - first))), named(first, 20), `reader ${from}`)
  }
})

function named(from: number, to: number): string[] {
  return sortedTexts(Array.from({ length: to - from }, (_, index) => `r${from + index}`))
}

test('line breaks in values are spaces between tokens, and stay escapes in strings', async (t) => {
  const server = await startWithTopic(t, 1)
  await server.api
    .post('/topics/orders/records')
    .set('content-type', 'application/json')
    .send('{"records":[{"value":{"a":\r\n 1,\n"b":"x\\r\\ny"}},{"key":"p\\nq","value":"s\\r\\n\\nt"}]}')
    .expect(200)
  const stream = await open(t, server, '?from=earliest')
  const [object, text] = await stream.records(2)
  assert.deepEqual(object.value, { a: 1, b: 'x\r\ny' })
  assert.deepEqual([text.key, text.value], ['p\nq', 's\r\n\nt'])
  const raw = await open(t, server, '?from=earliest&format=base64')
  assert.equal((await raw.records(1))[0].valueEncoding, 'base64')
})

test('a quiet stream pings every 15 seconds, with the id to come back with', async (t) => {
  const server = await startWithTopic(t)
  const stream = await open(t, server)
  const { id } = await stream.some()
  await until(() => server.engine.waiting === 1, 'the stream waits')
  for (const beat of [1, 2]) {
    for (let second = 0; second < 15; second += 1) {
      server.clock.advance(1000)
      await until(() => server.engine.waiting === 1, 'the stream waits again')
    }
    const ping = await stream.some()
    assert.deepEqual([ping.comment, ping.id, ping.data], ['ping', id, undefined], `ping ${beat}`)
  }
})

test('many streams of a topic read it once', async (t) => {
  const server = await startWithTopic(t, 1)
  const streams = await Promise.all(Array.from({ length: 50 }, () => open(t, server)))
  for (const stream of streams) await stream.some()
  await until(() => server.engine.waiting === 1, 'one read waits for all')
  const before = server.engine.reads
  await publish(server, 0, 'x')
  for (const stream of streams) assert.deepEqual(valuesOf(await stream.records(1)), ['x'])
  assert.ok(server.engine.reads - before <= 3, `${server.engine.reads - before} reads`)
})

test('records that are gone are told as a gap, and the stream goes on', async (t) => {
  const server = await startWithTopic(t)
  await publish(server, 0, 'a', 'b', 'c')
  await publish(server, 1, 'd')
  const start = await server.api.get('/topics/orders/records?maxRecords=1').expect(200)
  server.engine.memoryPartition('orders', 0).logStartOffset = 3
  const stream = await open(t, server, `?cursor=${encodeURIComponent(start.body.cursor)}`)
  const frames = [await stream.some(), await stream.some(), await stream.some()]
  const gap = frames.find(({ event }) => event === 'gap')
  assert.deepEqual(JSON.parse(gap?.data ?? ''), { topic: 'orders', partition: 0, fromOffset: 1, toOffset: 3 })
  assert.ok(frames.some(({ data }) => data?.includes('"value":"d"')))
  const again = await open(t, server, '', { 'last-event-id': stream.lastEventId })
  await publish(server, 0, 'e')
  assert.deepEqual(valuesOf(await stream.records(1)), ['e'])
  assert.deepEqual(valuesOf(await again.records(1)), ['e'])
})

test('a topic that cannot be read ends its streams with the problem', async (t) => {
  const server = await startWithTopic(t)
  const [one, other] = [await open(t, server), await open(t, server, '?from=earliest')]
  await one.some()
  await other.some()
  await publish(server, 1, 'last')
  for (const stream of [one, other]) assert.deepEqual(valuesOf(await stream.records(1)), ['last'])
  server.engine.memoryPartition('orders', 0).failure = new BrokerError('KAFKA_STORAGE_ERROR', 'The disk is gone.')
  await until(() => server.engine.waiting === 1, 'the streams wait')
  server.clock.advance(1000)
  for (const stream of [one, other]) {
    const { event, data } = await stream.some()
    assert.equal(event, 'problem')
    const problem = JSON.parse(data ?? '')
    assert.deepEqual([problem.code, problem.status, problem.partitionErrors.length], ['KAFKA_STORAGE_ERROR', 503, 1])
    assert.equal(await stream.frame(), undefined)
  }
})

test('a topic that is deleted, or made again, ends its streams', async (t) => {
  const server = await startWithTopic(t)
  const stream = await open(t, server)
  const { id = '' } = await stream.some()
  await until(() => server.engine.waiting === 1, 'the stream waits')
  await server.api.delete('/topics/orders').expect(204)
  server.clock.advance(1000)
  const { event, data } = await stream.some()
  assert.deepEqual([event, JSON.parse(data ?? '').code], ['problem', 'UNKNOWN_TOPIC_OR_PARTITION'])
  await server.api.put('/topics/orders').send({ partitions: 2 }).expect(201)
  const again = await fetch(`${server.url}/topics/orders/stream`, { headers: { 'last-event-id': id } })
  assert.equal(again.status, 404)
  assert.equal(JSON.parse(await again.text()).code, 'UNKNOWN_TOPIC_ID')
})

test('partitions that a topic gets are read too', async (t) => {
  const server = await startWithTopic(t, 1)
  const stream = await open(t, server)
  await stream.some()
  await until(() => server.engine.waiting === 1, 'the stream waits')
  await server.api.put('/topics/orders').send({ partitions: 3 })
  await server.api.patch('/topics/orders').send({ partitions: 3 }).expect(200)
  await publish(server, 2, 'new')
  server.clock.advance(1000)
  const [record] = await stream.records(1)
  assert.deepEqual([record.partition, record.value], [2, 'new'])
})

test('an empty Last-Event-ID is none, and one that is too long is told as what it is', async (t) => {
  const server = await startWithTopic(t, 1)
  await publish(server, 0, 'x')
  const stream = await open(t, server, '?from=earliest', { 'last-event-id': '' })
  assert.deepEqual(valuesOf(await stream.records(1)), ['x'])
  const long = await server.api.get('/topics/orders/stream').set('last-event-id', 'a'.repeat(4097)).expect(400)
  assert.match(long.body.detail, /^The header "last-event-id"/)
})

test('streams refuse what other reads refuse, before they begin', async (t) => {
  const server = await startWithTopic(t)
  const page = await server.api.get('/topics/orders/records?until=2026-01-01').expect(200)
  for (const [target, status, code, headers = {}] of [
    ['/topics/nothing/stream', 404, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['/topics/orders/stream?cursor=nonsense', 400, 'INVALID_CURSOR'],
    ['/topics/orders/stream', 400, 'INVALID_CURSOR', { 'last-event-id': 'nonsense' }],
    [`/topics/orders/stream?cursor=${encodeURIComponent(page.body.cursor)}`, 400, 'INVALID_CURSOR'],
    ['/topics/orders/stream?from=latest&last=1', 400, 'INVALID_REQUEST'],
    ['/topics/orders/stream?from=soon', 400, 'INVALID_REQUEST'],
    ['/topics/orders/stream?partitions=7', 404, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['/topics/orders/stream?waitMs=5', 400, 'INVALID_REQUEST'],
    ['/topics/orders/stream', 406, 'NOT_ACCEPTABLE', { accept: 'application/json' }],
  ] as const) {
    const answer = await server.api.get(target).set(headers)
    assert.deepEqual([answer.status, answer.body.code], [status, code], target)
  }
  await server.api.post('/topics/orders/stream').send({}).expect(405)
})

test('a stream counts once as an answer', async (t) => {
  const answers: [string, number][] = []
  const server = await startWithTopic(t, 1, {
    observeOperation: (operation) => (status) => answers.push([operation, status]),
  })
  const stream = await open(t, server)
  await stream.some()
  await publish(server, 0, 'a')
  await stream.records(1)
  server.stop.abort()
  while ((await stream.frame()) !== undefined);
  assert.deepEqual(
    answers.filter(([operation]) => operation === 'streamTopic'),
    [['streamTopic', 200]],
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { startApi, type ApiServer } from './api-server.ts'

interface BrowsePage {
  readonly records: readonly { readonly partition: number; readonly offset: number; readonly value: unknown }[]
  readonly cursor: string
  readonly upToDate: boolean
  readonly partitions: readonly { readonly partition: number; readonly nextOffset: number }[]
  readonly partitionErrors?: readonly { readonly partition: number; readonly code: string }[]
}

async function start(t: Parameters<typeof startApi>[0], partitions = 3): Promise<ApiServer> {
  const server = await startApi(t)
  await server.api.put('/topics/orders').send({ partitions }).expect(201)
  return server
}

async function publish({ api }: ApiServer, partition: number, ...values: readonly string[]): Promise<void> {
  await api
    .post('/topics/orders/records')
    .send({ records: values.map((value) => ({ value, partition })) })
    .expect(200)
}

async function browse({ api }: ApiServer, query: Record<string, string | number> = {}): Promise<BrowsePage> {
  const answer = await api.get('/topics/orders/records').query(query)
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

const places = (page: BrowsePage): string[] => page.records.map(({ partition, offset }) => `${partition}:${offset}`)

test('cursors lead through every record once; partitions take turns', async (t) => {
  const server = await start(t)
  await publish(server, 0, 'a', 'b', 'c', 'd')
  await publish(server, 1, 'e', 'f')
  await publish(server, 2, 'g')
  const first = await browse(server, { maxRecords: 2 })
  assert.deepEqual(places(first), ['0:0', '0:1'])
  assert.equal(first.upToDate, false)
  const second = await browse(server, { maxRecords: 2, cursor: first.cursor })
  assert.deepEqual(places(second), ['1:0', '1:1'])
  const again = await browse(server, { maxRecords: 2, cursor: first.cursor })
  assert.deepEqual(again, second)
  const third = await browse(server, { maxRecords: 2, cursor: second.cursor })
  assert.deepEqual(places(third), ['2:0', '0:2'])
  const last = await browse(server, { cursor: third.cursor })
  assert.deepEqual(places(last), ['0:3'])
  assert.equal(last.upToDate, true)
  const end = await browse(server, { cursor: last.cursor })
  assert.deepEqual([end.records, end.upToDate, end.partitions], [[], true, []])
  await publish(server, 1, 'h')
  assert.deepEqual(places(await browse(server, { cursor: end.cursor })), ['1:2'])
})

test('a read starts at an end, at a time, or at the newest', async (t) => {
  const server = await start(t)
  await publish(server, 0, 'a', 'b')
  server.clock.advance(60_000)
  await publish(server, 0, 'c')
  await publish(server, 1, 'd')
  assert.deepEqual(places(await browse(server)), ['0:0', '0:1', '0:2', '1:0'])
  assert.deepEqual(places(await browse(server, { from: '-30s' })), ['0:2', '1:0'])
  assert.deepEqual(places(await browse(server, { last: 1 })), ['0:2', '1:0'])
  assert.deepEqual(places(await browse(server, { from: 'earliest', until: '-30s' })), ['0:0', '0:1'])
  const latest = await browse(server, { from: 'latest' })
  assert.deepEqual(latest.records, [])
  await publish(server, 2, 'e')
  assert.deepEqual(places(await browse(server, { cursor: latest.cursor })), ['2:0'])
})

test('partitions narrows a read; its cursor keeps to them and says so', async (t) => {
  const server = await start(t)
  await publish(server, 0, 'a')
  await publish(server, 1, 'b')
  await publish(server, 2, 'c')
  const page = await browse(server, { partitions: '1-2' })
  assert.deepEqual(places(page), ['1:0', '2:0'])
  await publish(server, 0, 'd')
  assert.deepEqual((await browse(server, { cursor: page.cursor, partitions: '2,1' })).records, [])
  const other = await server.api.get('/topics/orders/records').query({ cursor: page.cursor, partitions: '0' })
  assert.deepEqual([other.status, other.body.errors[0].pointer], [400, '?partitions'])
})

test('partitions added later are read from their start', async (t) => {
  const server = await start(t, 1)
  await publish(server, 0, 'a')
  const page = await browse(server)
  await server.api.patch('/topics/orders').send({ partitions: 2 }).expect(200)
  await publish(server, 1, 'b')
  assert.deepEqual(places(await browse(server, { cursor: page.cursor })), ['1:0'])
})

test('more than 256 partitions need to be chosen from', async (t) => {
  const server = await start(t, 257)
  const refused = await server.api.get('/topics/orders/records')
  assert.deepEqual([refused.status, refused.body.errors[0].pointer], [400, '?partitions'])
  const page = await browse(server, { partitions: '0-255' })
  assert.ok(page.cursor.length <= 4096)
  await browse(server, { cursor: page.cursor })
})

test('a cursor is of no use to a topic deleted and created again', async (t) => {
  const server = await start(t)
  const { cursor } = await browse(server)
  await server.api.delete('/topics/orders').expect(204)
  await server.api.put('/topics/orders').send({ partitions: 3 }).expect(201)
  const refused = await server.api.get('/topics/orders/records').query({ cursor })
  assert.deepEqual([refused.status, refused.body.code], [404, 'UNKNOWN_TOPIC_ID'])
})

test('a position behind the log start is told once nothing else is left, with a cursor that goes on', async (t) => {
  const server = await start(t, 2)
  await publish(server, 0, 'a', 'b', 'c')
  await publish(server, 1, 'd')
  const start0 = await browse(server, { partitions: '0-1', maxRecords: 1 })
  server.engine.memoryPartition('orders', 0).logStartOffset = 2
  const partial = await browse(server, { cursor: start0.cursor })
  assert.deepEqual(places(partial), ['1:0'])
  assert.deepEqual(
    partial.partitionErrors?.map(({ partition, code }) => [partition, code]),
    [[0, 'OFFSET_OUT_OF_RANGE']],
  )
  assert.equal(partial.upToDate, false)
  const gone = await server.api.get('/topics/orders/records').query({ cursor: partial.cursor, waitMs: 30_000 })
  assert.equal(gone.status, 410, gone.text)
  assert.equal(gone.body.code, 'OFFSET_OUT_OF_RANGE')
  assert.equal(gone.body.recovery, 'reset')
  const [entry] = gone.body.partitionErrors
  assert.deepEqual([entry.partition, entry.offset, entry.logStartOffset, entry.highWatermark], [0, 1, 2, 3])
  assert.deepEqual(places(await browse(server, { cursor: gone.body.cursor })), ['0:2'])
})

test('a page of one partition out of range has the bounds at the top', async (t) => {
  const server = await start(t, 1)
  await publish(server, 0, 'a', 'b', 'c')
  server.engine.memoryPartition('orders', 0).logStartOffset = 1
  const below = await server.api.get('/topics/orders/partitions/0/records?offset=0')
  assert.deepEqual([below.status, below.body.logStartOffset, below.body.highWatermark], [410, 1, 3])
  const beyond = await server.api.get('/topics/orders/partitions/0/records?offset=4')
  assert.deepEqual([beyond.status, beyond.body.logStartOffset, beyond.body.highWatermark], [416, 1, 3])
  const start0 = await server.api.get('/topics/orders/partitions/0/records?maxRecords=1')
  assert.deepEqual([start0.body.records[0].offset, start0.body.nextOffset], [1, 2])
  const at = await server.api.get('/topics/orders/partitions/0/records?offset=3')
  assert.deepEqual(at.body, { records: [], nextOffset: 3, upToDate: true, highWatermark: 3, logStartOffset: 1 })
})

test('one partition offline stops no other; all offline is the error itself', async (t) => {
  const server = await start(t, 2)
  await publish(server, 1, 'a')
  const failure = new BrokerError('KAFKA_STORAGE_ERROR', 'The log directory is offline.')
  server.engine.memoryPartition('orders', 0).failure = failure
  const page = await browse(server)
  assert.deepEqual(places(page), ['1:0'])
  assert.equal(page.partitionErrors?.[0]?.code, 'KAFKA_STORAGE_ERROR')
  const idle = await browse(server, { cursor: page.cursor })
  assert.deepEqual(idle.records, [])
  server.engine.memoryPartition('orders', 1).failure = failure
  const all = await server.api.get('/topics/orders/records').query({ cursor: page.cursor })
  assert.deepEqual([all.status, all.body.code, all.headers['retry-after']], [503, 'KAFKA_STORAGE_ERROR', '1'])
  assert.equal(all.body.detail, 'The log directory is offline.')
})

test('a record that is not there is told from one that is not there yet', async (t) => {
  const server = await start(t, 1)
  await publish(server, 0, 'a')
  const beyond = await server.api.get('/topics/orders/partitions/0/records/1')
  assert.deepEqual([beyond.status, beyond.body.code, beyond.body.nextOffset], [404, 'RECORD_NOT_FOUND', 1])
  const far = await server.api.get('/topics/orders/partitions/0/records/9')
  assert.deepEqual([far.status, far.body.code], [416, 'OFFSET_OUT_OF_RANGE'])
  const found = await server.api.get('/topics/orders/partitions/0/records/0?format=base64')
  assert.deepEqual([found.body.value, found.body.valueEncoding], ['YQ==', 'base64'])
})

test('a long poll is answered by the first record, and at once when the server stops', async (t) => {
  const server = await start(t)
  const { cursor } = await browse(server)
  const polled = browse(server, { cursor, waitMs: 30_000 })
  await waitFor(() => server.engine.waiting === 1)
  await publish(server, 2, 'a')
  assert.deepEqual(places(await polled), ['2:0'])

  const partition = server.api.get('/topics/orders/partitions/0/records?waitMs=30000').then((answer) => answer.body)
  await waitFor(() => server.engine.waiting === 1)
  server.stop.abort()
  assert.deepEqual((await partition).records, [])
  const after = await server.api.get('/topics')
  assert.deepEqual(
    [after.status, after.body.code, after.headers['connection'], after.headers['retry-after']],
    [503, 'SERVER_STOPPING', 'close', '1'],
  )
})

test('a client that goes away leaves no read waiting', async (t) => {
  const server = await start(t)
  const gone = new AbortController()
  const polled = fetch(`${server.url}/topics/orders/records?waitMs=30000`, { signal: gone.signal })
  await waitFor(() => server.engine.waiting === 1)
  gone.abort()
  await assert.rejects(polled)
  await waitFor(() => server.engine.waiting === 0)
})

test('offsets are found by end and by time', async (t) => {
  const server = await start(t, 2)
  await publish(server, 0, 'a')
  server.clock.advance(60_000)
  await publish(server, 0, 'b')
  const at = async (query: string): Promise<unknown> =>
    (await server.api.get(`/topics/orders/offsets?at=${query}`)).body.items
  const entry = (partition: number, offset: number | null, timestamp: number) => ({
    topic: 'orders',
    partition,
    offset,
    timestamp,
  })
  assert.deepEqual(await at('earliest'), [entry(0, 0, -1), entry(1, 0, -1)])
  assert.deepEqual(await at('latest'), [entry(0, 2, -1), entry(1, 0, -1)])
  assert.deepEqual(await at('-30s'), [entry(0, 1, 1_700_000_060_000), entry(1, null, -1)])
})

async function waitFor(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100_000 && !condition(); turn += 1) await new Promise(setImmediate)
  assert.ok(condition())
}

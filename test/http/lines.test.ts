import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { startApi, type ApiServer } from './api-server.ts'

const NOW = 1_700_000_000_000

async function startWithTopic(t: Parameters<typeof startApi>[0], partitions = 2): Promise<ApiServer> {
  const server = await startApi(t)
  await server.api.put('/topics/orders').send({ partitions }).expect(201)
  return server
}

async function publish({ api }: ApiServer, partition: number, ...values: readonly unknown[]): Promise<void> {
  const records = values.map((value) => ({ value, partition }))
  await api.post('/topics/orders/records').send({ records }).expect(200)
}

/** A page of lines, each parsed on its own. */
async function lines({ url }: ApiServer, target: string) {
  const response = await fetch(url + target)
  const text = await response.text()
  const { status, headers } = response
  assert.equal(status, 200, text)
  assert.equal(headers.get('content-type'), 'application/x-ndjson')
  assert.ok(text === '' || text.endsWith('\n'))
  const parts = text.split('\n').slice(0, -1)
  return { text, headers, records: parts.map((line) => JSON.parse(line)) }
}

test('lines of a partition are its records, with the next offset in a header', async (t) => {
  const server = await startWithTopic(t)
  await publish(server, 1, 'a', { b: 1 }, 'c')
  const first = await lines(server, '/topics/orders/partitions/1/lines?maxRecords=2')
  assert.equal(
    first.text,
    `{"topic":"orders","partition":1,"offset":0,"timestamp":${NOW},"key":null,"value":"a","headers":[]}\n` +
      `{"topic":"orders","partition":1,"offset":1,"timestamp":${NOW},"key":null,"value":{"b":1},"headers":[]}\n`,
  )
  assert.deepEqual([first.headers.get('next-offset'), first.headers.get('up-to-date')], ['2', 'false'])
  const second = await lines(server, '/topics/orders/partitions/1/lines?offset=2&format=base64')
  assert.deepEqual(second.records[0].value, 'Yw==')
  assert.deepEqual([second.headers.get('next-offset'), second.headers.get('up-to-date')], ['3', 'true'])
  const end = await lines(server, '/topics/orders/partitions/1/lines?offset=3')
  assert.deepEqual([end.text, end.headers.get('next-offset')], ['', '3'])
})

test('lines of a topic lead from cursor to cursor', async (t) => {
  const server = await startWithTopic(t)
  await publish(server, 0, 'a', 'b')
  await publish(server, 1, 'c')
  const first = await lines(server, '/topics/orders/lines?maxRecords=2')
  assert.deepEqual(
    first.records.map(({ value }) => value),
    ['a', 'b'],
  )
  assert.equal(first.headers.get('up-to-date'), 'false')
  const cursor = first.headers.get('next-cursor') ?? ''
  const second = await lines(server, `/topics/orders/lines?cursor=${encodeURIComponent(cursor)}`)
  assert.deepEqual(
    second.records.map(({ partition, value }) => [partition, value]),
    [[1, 'c']],
  )
  assert.equal(second.headers.get('up-to-date'), 'true')
  const newest = await lines(server, '/topics/orders/lines?last=1&partitions=0')
  assert.deepEqual(
    newest.records.map(({ value }) => value),
    ['b'],
  )
})

test('line breaks between the tokens of an embedded value are spaces; in strings they are escaped', async (t) => {
  const server = await startWithTopic(t)
  const value = '{\n\t"a": [1,\r\n 2],\r"text": "one\\ntwo", "long": "0123456789abcdef0123456789"\n}'
  await server.api
    .post('/topics/orders/records?keyFormat=string')
    .set('content-type', 'application/json')
    .send(`{"records":[{"key":"x\\ny","value":${value},"partition":0},{"value":"p\\r\\nq","partition":0}]}`)
    .expect(200)
  const page = await lines(server, '/topics/orders/partitions/0/lines')
  assert.equal(page.records.length, 2)
  assert.equal(page.records[0].key, 'x\ny')
  assert.deepEqual(page.records[0].value, JSON.parse(value))
  assert.ok(page.text.includes(value.replaceAll(/[\r\n]/g, ' ')), page.text)
  assert.equal(page.records[1].value, 'p\r\nq')
})

test('a waiting read of lines gets what comes', async (t) => {
  const server = await startWithTopic(t)
  const waiting = lines(server, '/topics/orders/lines?waitMs=20000')
  while (server.engine.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
  await publish(server, 1, 'late')
  assert.equal((await waiting).records[0].value, 'late')
})

test('a partition that cannot be read is the reply’s status, and its cursor moves nothing but the gap', async (t) => {
  const server = await startWithTopic(t)
  await publish(server, 0, 'a', 'b')
  await publish(server, 1, 'c', 'd')
  const start = await lines(server, '/topics/orders/lines?maxRecords=1')
  const cursor = encodeURIComponent(start.headers.get('next-cursor') ?? '')
  server.engine.memoryPartition('orders', 1).logStartOffset = 1
  const gone = await server.api.get(`/topics/orders/lines?cursor=${cursor}`)
  assert.deepEqual([gone.status, gone.body.code], [410, 'OFFSET_OUT_OF_RANGE'])
  assert.deepEqual(
    gone.body.partitionErrors.map(({ partition }: { partition: number }) => partition),
    [1],
  )
  const beyond = await lines(server, `/topics/orders/lines?cursor=${encodeURIComponent(gone.body.cursor)}`)
  assert.deepEqual(new Set(beyond.records.map(({ value }) => value)), new Set(['b', 'd']))
  server.engine.memoryPartition('orders', 0).failure = new BrokerError('KAFKA_STORAGE_ERROR', 'The disk is gone.')
  await server.api.get('/topics/orders/lines').expect(503)
  assert.equal((await lines(server, '/topics/orders/lines?partitions=1')).records.length, 1)
  await server.api.get('/topics/orders/partitions/0/lines').expect(503)
})

test('lines refuse what pages refuse', async (t) => {
  const server = await startWithTopic(t)
  await publish(server, 0, 'a')
  for (const [target, status, code] of [
    ['/topics/nothing/lines', 404, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['/topics/orders/partitions/9/lines', 404, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['/topics/orders/partitions/0/lines?offset=2', 416, 'OFFSET_OUT_OF_RANGE'],
    ['/topics/orders/lines?cursor=nonsense', 400, 'INVALID_CURSOR'],
    ['/topics/orders/lines?from=latest&last=1', 400, 'INVALID_REQUEST'],
    ['/topics/orders/lines?maxRecords=0', 400, 'INVALID_REQUEST'],
    ['/topics/orders/lines?offset=0', 400, 'INVALID_REQUEST'],
  ] as const) {
    const answer = await server.api.get(target)
    assert.deepEqual([answer.status, answer.body.code], [status, code], target)
  }
  await server.api.get('/topics/orders/lines').set('accept', 'application/json').expect(406)
  await server.api.post('/topics/orders/lines').send({}).expect(415)
})

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { compressBatchSync, compressionTypeOf, decompressBatchSync } from '../../src/codec/compressed-batch.ts'
import { compressionTypes, type CompressionType } from '../../src/codec/compression.ts'
import { batchSizeBytes, producerEpoch } from '../../src/codec/record-batch.ts'
import { kafkaBatch, kafkaBatchNames, kafkaBatchRecords, kafkaCodecs } from '../support/kafka-batches.ts'
import { decodeBatch, encodeBatch, type PlainRecord } from '../support/record-spans.ts'
import { startApi, type ApiServer, type ApiServerOptions } from './api-server.ts'
import type { AnyJson } from '../support/any-json.ts'

const MEDIA_TYPE = 'application/vnd.kafka.record-batches'
const NOW = 1_700_000_000_000
const path = '/topics/orders/partitions/0/batches'
/** Kafka's batches have a record a day ahead. */
const anyTime = { 'message.timestamp.after.max.ms': '9223372036854775807' }
const MIB = 1024 * 1024

interface Answer {
  readonly status: number
  readonly body: AnyJson
}

async function post(
  { url }: ApiServer,
  body: Buffer,
  headers: Record<string, string> = {},
  target = path,
): Promise<Answer> {
  const init = { method: 'POST', headers: { 'content-type': MEDIA_TYPE, ...headers }, body: new Uint8Array(body) }
  const response = await fetch(url + target, init)
  return { status: response.status, body: await response.json() }
}

async function storedBatches({ url }: ApiServer): Promise<Buffer[]> {
  const bytes = Buffer.from(await (await fetch(`${url}${path}?maxBytes=16777216`)).arrayBuffer())
  const batches: Buffer[] = []
  for (let at = 0; at < bytes.length; at += batchSizeBytes(bytes, at)) {
    batches.push(bytes.subarray(at, at + batchSizeBytes(bytes, at)))
  }
  return batches
}

async function storedCodecs(server: ApiServer): Promise<CompressionType[]> {
  return (await storedBatches(server)).map((batch) => compressionTypeOf(batch, 0))
}

async function storedValues({ api }: ApiServer): Promise<string[]> {
  const page = await api.get('/topics/orders/partitions/0/records').query({ maxRecords: 10_000, format: 'string' })
  assert.equal(page.status, 200, page.text)
  return page.body.records.map(({ value }: { value: string }) => value)
}

async function startWithTopic(
  t: TestContext,
  configs: Record<string, string> = {},
  options: ApiServerOptions = {},
): Promise<ApiServer> {
  const server = await startApi(t, options)
  await server.api.put('/topics/orders').send({ partitions: 1, configs }).expect(201)
  return server
}

const record = (value: string, timestamp = NOW): PlainRecord => ({ key: null, value: Buffer.from(value), timestamp })

for (const codec of kafkaCodecs) {
  test(`${codec}: what Kafka's producer made is stored as it came, and its records are read`, async (t) => {
    const server = await startWithTopic(t, anyTime)
    let offset = 0
    for (const name of kafkaBatchNames) {
      const records = kafkaBatchRecords(name)
      const answer = await post(server, kafkaBatch(codec, name))
      assert.equal(answer.status, 200, `${name}: ${answer.body.detail}`)
      assert.deepEqual(answer.body.batches, [{ baseOffset: offset, lastOffset: offset + records.length - 1 }])
      const one = await server.api.get(`/topics/orders/partitions/0/records/${offset}`).query({ valueFormat: 'base64' })
      assert.deepEqual(Buffer.from(one.body.value, 'base64'), records[0]?.value)
      offset += records.length
    }
    assert.deepEqual(
      (await storedBatches(server)).map((batch) => batch.subarray(16)),
      kafkaBatchNames.map((name) => kafkaBatch(codec, name).subarray(16)),
    )
  })

  test(`${codec}: a topic's compression.type converts what comes otherwise`, async (t) => {
    const type = codec === 'none' ? 'uncompressed' : codec
    const server = await startWithTopic(t, { ...anyTime, 'compression.type': type })
    const expected = kafkaBatchRecords('flights').map(({ value }) => value?.toString())
    for (const from of kafkaCodecs) {
      assert.equal((await post(server, kafkaBatch(from, 'flights'))).status, 200)
    }
    const batches = await storedBatches(server)
    assert.deepEqual(
      batches.map((batch) => compressionTypeOf(batch, 0)),
      kafkaCodecs.map(() => codec),
    )
    for (const batch of batches) {
      assert.deepEqual(
        decodeBatch(decompressBatchSync(batch, 0, MIB)).map(({ value }) => value?.toString()),
        expected,
      )
    }
    assert.deepEqual((await storedValues(server)).slice(2000, 4000), expected)
  })
}

test('compression of a request holds where the topic leaves it to the publisher', async (t) => {
  const server = await startWithTopic(t)
  const values = compressionTypes.map((type) => type.repeat(1000))
  for (const [i, type] of compressionTypes.entries()) {
    const records = [{ value: values[i] }]
    await server.api.post('/topics/orders/records').query({ compression: type }).send({ records }).expect(200)
  }
  await server.api
    .post('/topics/orders/records')
    .send({ records: [{ value: 'as it is' }] })
    .expect(200)
  assert.deepEqual(await storedCodecs(server), [...compressionTypes, 'none'])
  assert.deepEqual(await storedValues(server), [...values, 'as it is'])
  const unknown = await server.api.post('/topics/orders/records?compression=brotli').send({ records: [{ value: 'a' }] })
  assert.deepEqual([unknown.status, unknown.body.code], [400, 'INVALID_REQUEST'])
})

test('the topic’s compression.type beats that of a request, and follows a change', async (t) => {
  const server = await startWithTopic(t, { 'compression.type': 'snappy' })
  const publish = (compression?: string) =>
    server.api
      .post('/topics/orders/records')
      .query({ ...(compression && { compression }) })
      .send({ records: [{ value: 'x'.repeat(100) }] })
      .expect(200)
  await publish('gzip')
  await publish()
  await server.api
    .patch('/topics/orders')
    .send({ configs: { 'compression.type': 'uncompressed' } })
    .expect(200)
  await publish('gzip')
  assert.deepEqual(await storedCodecs(server), ['snappy', 'snappy', 'none'])
})

test('requests keep their order, however long each takes to compress', async (t) => {
  const server = await startWithTopic(t, { 'compression.type': 'gzip' })
  const large = Array.from({ length: 300 }, (_, i) => ({ value: `large ${i} ${'abc'.repeat(300)}` }))
  const bodies = Array.from({ length: 12 }, (_, i) =>
    i % 3 === 0 ? large : i % 3 === 1 ? [{ value: `small ${i}` }] : large.slice(0, 50),
  )
  const offsets: number[] = []
  // One connection, so that they come one behind the other without a reply between them.
  const replies = bodies.map((records) =>
    server.app.inject({ method: 'POST', url: '/topics/orders/records', payload: { records } }),
  )
  for (const reply of await Promise.all(replies)) {
    assert.equal(reply.statusCode, 200, reply.body)
    offsets.push(reply.json().records[0].offset)
  }
  let next = 0
  const expected = bodies.map(({ length }) => (next += length) - length)
  assert.deepEqual(offsets, expected)
})

test('a batch that content makes larger than the topic takes stays uncompressed', async (t) => {
  const server = await startWithTopic(t, { 'max.message.bytes': '6100', 'compression.type': 'lz4', ...anyTime })
  const random = kafkaBatch('none', 'random')
  const { status, body } = await post(server, random)
  assert.equal(status, 200, body.detail)
  await server.api
    .post('/topics/orders/records')
    .send({ records: [{ value: 'x'.repeat(5000) }] })
    .expect(200)
  assert.deepEqual(await storedCodecs(server), ['lz4', 'lz4'])
  const tight = await startWithTopic(t, { 'max.message.bytes': String(random.length), 'compression.type': 'lz4' })
  assert.equal((await post(tight, random)).status, 200)
  assert.deepEqual(await storedCodecs(tight), ['none'])
})

test('a compressed batch that the topic stores uncompressed has to fit that way', async (t) => {
  const server = await startWithTopic(t, { 'compression.type': 'uncompressed', 'max.message.bytes': '10000' })
  const batch = compressBatchSync(encodeBatch([record('x'.repeat(20_000))]), 'zstd')
  const { status, body } = await post(server, batch)
  assert.deepEqual([status, body.code, body.stored], [413, 'MESSAGE_TOO_LARGE', 'no'])
  assert.match(body.detail, /as the topic stores it \(compression\.type=uncompressed\).*max\.message\.bytes/)
  assert.equal(body.errors[0].pointer, '/batches/0')
  assert.deepEqual(await storedBatches(server), [])
})

test('bombs are refused with what they may hold, and quickly', async (t) => {
  const server = await startWithTopic(t, {}, { requestMaxBytes: MIB })
  const bomb = encodeBatch([record('\0'.repeat(64 * MIB))])
  for (const type of compressionTypes.slice(1)) {
    const batch = compressBatchSync(bomb, type)
    if (batch.length > MIB) continue
    const { status, body } = await post(server, batch)
    assert.deepEqual([status, body.code, body.stored, body.batch], [413, 'REQUEST_TOO_LARGE', 'no', 0], type)
    assert.match(body.detail, /more than 1048576 bytes.*request\.max\.bytes/)
  }
  // Together they count as well.
  const half = compressBatchSync(encodeBatch([record('\0'.repeat(MIB / 2))]), 'zstd')
  assert.equal((await post(server, half)).status, 200)
  const three = await post(server, Buffer.concat([half, half, half]))
  assert.deepEqual([three.status, three.body.code, three.body.batch], [413, 'REQUEST_TOO_LARGE', 1])
})

test('content is checked to the last record, and faults name batch and record', async (t) => {
  const server = await startWithTopic(t)
  const sound = encodeBatch([record('a'), record('b')])
  const late = compressBatchSync(encodeBatch([record('a'), record('x'.repeat(10_000), NOW * 2)]), 'gzip')
  const answer = await post(server, Buffer.concat([sound, late]))
  assert.deepEqual([answer.status, answer.body.code], [422, 'INVALID_TIMESTAMP'])
  assert.equal(answer.body.errors[0].pointer, '/batches/1/records/1/timestamp')
  const broken = Buffer.from(sound)
  broken.writeInt8(4, broken.length - 8)
  for (const type of compressionTypes.slice(1)) {
    const { status, body } = await post(server, compressBatchSync(broken, type))
    assert.deepEqual([status, body.code, body.stored, body.batch], [422, 'CORRUPT_MESSAGE', 'no', 0], body.detail)
    assert.match(body.detail, /of the decompressed batch/)
  }
  assert.deepEqual(await storedBatches(server), [])
})

test('compressed batches can be sent again under a sequence', async (t) => {
  const server = await startWithTopic(t, { 'compression.type': 'zstd' })
  const batch = kafkaBatch('gzip', 'flights')
  const headers = { 'producer-id': 'billing-7', 'producer-epoch': '3', 'producer-sequence': '0' }
  const first = await post(server, batch, headers)
  const second = await post(server, batch, headers)
  assert.deepEqual([first.status, first.body.duplicate], [200, false], first.body.detail)
  assert.deepEqual([second.status, second.body.duplicate, second.body.batches], [200, true, first.body.batches])
  const [stored, ...more] = await storedBatches(server)
  assert.ok(stored)
  assert.deepEqual([more.length, compressionTypeOf(stored, 0), producerEpoch(stored, 0)], [0, 'zstd', 3])
})

test('records of a sequence, lines and raw values are compressed as asked', async (t) => {
  const server = await startWithTopic(t)
  const values = Array.from({ length: 2000 }, (_, i) => `value ${i} ${'abc'.repeat(30)}`)
  const send = () =>
    server.api
      .post('/topics/orders/records')
      .query({ compression: 'gzip' })
      .set({ 'producer-id': 'billing-7', 'producer-sequence': '0' })
      .send({ records: values.map((value) => ({ value })) })
      .expect(200)
  const [first, second] = [await send(), await send()]
  assert.deepEqual([first.body.duplicate, second.body.duplicate], [false, true])
  assert.deepEqual(second.body.records, first.body.records)
  const publish = (target: string, type: string, body: string) =>
    fetch(server.url + target, { method: 'POST', headers: { 'content-type': type }, body })
  const lines = values.map((value) => `${JSON.stringify({ value })}\n`).join('')
  assert.equal((await publish('/topics/orders/lines?compression=zstd', 'application/x-ndjson', lines)).status, 200)
  const raw = 'raw '.repeat(50_000)
  assert.equal((await publish('/topics/orders/raw?compression=lz4', 'text/plain', raw)).status, 200)
  assert.deepEqual([...new Set(await storedCodecs(server))], ['gzip', 'zstd', 'lz4'])
  assert.deepEqual(await storedValues(server), [...values, ...values, raw])
})

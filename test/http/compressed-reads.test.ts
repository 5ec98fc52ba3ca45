import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import * as fc from 'fast-check'
import type { EncodedBatch } from '../../src/broker/append-request.ts'
import { compressBatchSync } from '../../src/codec/compressed-batch.ts'
import { compressionTypes, type CompressionType } from '../../src/codec/compression.ts'
import { kafkaBatch, kafkaBatchNames, kafkaCodecs, kafkaBatchRecords } from '../support/kafka-batches.ts'
import { anyRecord, encodeBatch, type PlainRecord } from '../support/record-spans.ts'
import { startApi, type ApiServer } from './api-server.ts'
import { EventReader } from './event-source.ts'
import { TestMember } from './test-member.ts'

/*
 * The same batches stand in two topics, in one of them compressed: whatever is read of one must be what is read of the other.
 */

const NOW = 1_700_000_000_000

interface AnyBatch {
  readonly partition: number
  readonly records: readonly (PlainRecord & { readonly timestamp: number })[]
  readonly type: CompressionType
}

const anyBatch: fc.Arbitrary<AnyBatch> = fc.record(
  {
    partition: fc.integer({ min: 0, max: 1 }),
    records: fc.array(
      fc.tuple(anyRecord, fc.integer({ min: 0, max: 5000 })).map(([record, age]) => ({
        ...record,
        timestamp: NOW - age,
      })),
      { minLength: 1, maxLength: 12 },
    ),
    type: fc.constantFrom(...compressionTypes),
  },
  { noNullPrototype: true },
)

function encoded({ records, type }: AnyBatch): EncodedBatch {
  const maxTimestamp = Math.max(...records.map(({ timestamp }) => timestamp))
  return { bytes: compressBatchSync(encodeBatch(records), type), recordCount: records.length, maxTimestamp }
}

let topicsMade = 0

/** Two topics, of which the second has the batches compressed. */
async function twoTopics({ api, engine }: ApiServer, batches: readonly AnyBatch[]): Promise<readonly string[]> {
  const number = ++topicsMade
  const topics = [`plain-${number}`, `packed-${number}`]
  for (const [index, topic] of topics.entries()) {
    await api.put(`/topics/${topic}`).send({ partitions: 2 }).expect(201)
    for (const batch of batches) {
      const stored = encoded(index === 0 ? { ...batch, type: 'none' } : batch)
      await engine.append({ topic, parts: [{ partition: batch.partition, batches: [stored] }], acks: 'all' })
    }
  }
  return topics
}

/** A reply without what always differs: the topic's name, cursors, which hold its id, and the request's id. */
function comparable(text: string, topic: string): string {
  return text.replaceAll(topic, 'TOPIC').replaceAll(/"(cursor|requestId)":"[^"]*"/g, '"$1":""')
}

async function read({ url }: ApiServer, topic: string, target: string): Promise<string> {
  const response = await fetch(`${url}${target.replaceAll('TOPIC', topic)}`)
  const text = await response.text()
  const place = `${response.headers.get('next-offset')} ${response.headers.get('up-to-date')}`
  return `${response.status} ${place}\n${comparable(text, topic)}`
}

/** All pages from the first on, by their cursors. */
async function browseAll({ url }: ApiServer, topic: string, path: string, query: string): Promise<string[]> {
  const pages: string[] = []
  let cursor: string | undefined
  for (;;) {
    const start = cursor === undefined ? '' : `&cursor=${cursor}`
    const response = await fetch(`${url}${path.replaceAll('TOPIC', topic)}?${query}${start}`)
    const text = await response.text()
    assert.equal(response.status, 200, text)
    pages.push(comparable(text, topic))
    const page = JSON.parse(text)
    cursor = page.cursor
    if (page.upToDate) return pages
  }
}

async function streamed(t: TestContext, url: string, topic: string, count: number): Promise<string[]> {
  const stream = await EventReader.open(t, url)
  const found: string[] = []
  while (found.length < count) {
    const { event, data } = await stream.some()
    if (event === undefined && data !== undefined) found.push(comparable(data, topic))
  }
  // Partitions come in any order.
  return found.toSorted((one, other) => (one < other ? -1 : 1))
}

test('every way to read gives the same of compressed batches as of uncompressed ones', async (t) => {
  const server = await startApi(t)
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyBatch, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 0, max: 5001 }),
      async (batches, maxRecords, maxBytes, age) => {
        const topics = await twoTopics(server, batches)
        const count = batches.reduce((sum, { records }) => sum + records.length, 0)
        const [plain, packed] = await Promise.all(
          topics.map(async (topic) => ({
            formats: await Promise.all(
              ['auto', 'json', 'string', 'base64'].map((format) =>
                browseAll(server, topic, '/topics/TOPIC/records', `format=${format}&maxRecords=${maxRecords}`),
              ),
            ),
            bytes: await browseAll(server, topic, '/topics/TOPIC/records', `maxBytes=${maxBytes}`),
            until: await browseAll(server, topic, '/topics/TOPIC/records', `until=${NOW - age}`),
            from: await browseAll(server, topic, '/topics/TOPIC/records', `from=${NOW - age}&format=base64`),
            group: await browseAll(
              server,
              topic,
              '/consumer-groups/g/topics/TOPIC/records',
              `maxRecords=${maxRecords}`,
            ),
            others: await Promise.all(
              [
                `/topics/TOPIC/records?last=${maxRecords}`,
                `/topics/TOPIC/lines?format=base64&maxRecords=${maxRecords}`,
                `/topics/TOPIC/lines?from=${NOW - age}`,
                `/topics/TOPIC/offsets?at=${NOW - age}`,
                ...[0, 1].flatMap((partition) => [
                  `/topics/TOPIC/partitions/${partition}/records?format=base64`,
                  `/topics/TOPIC/partitions/${partition}/records?offset=${maxRecords}&maxRecords=${maxRecords}`,
                  `/topics/TOPIC/partitions/${partition}/lines?maxBytes=${maxBytes}`,
                  `/topics/TOPIC/partitions/${partition}/records/${maxRecords}`,
                ]),
              ].map((target) => read(server, topic, target)),
            ),
            stream: await streamed(t, `${server.url}/topics/${topic}/stream?from=earliest&format=base64`, topic, count),
          })),
        )
        assert.deepEqual(packed, plain)
      },
    ),
    { numRuns: 25 },
  )
})

test('a member’s pages and its stream give what is compressed', async (t) => {
  const server = await startApi(t)
  const values = Array.from({ length: 500 }, (_, index) => `${index} ${'.'.repeat(100)}`)
  const records = values.map((value) => ({ key: null, value: Buffer.from(value), timestamp: NOW }))
  for (const type of compressionTypes) {
    const topic = `member-${type}`
    await server.api.put(`/topics/${topic}`).send({ partitions: 1 }).expect(201)
    const batches = [encoded({ partition: 0, records, type })]
    await server.engine.append({ topic, parts: [{ partition: 0, batches }], acks: 'all' })
    const paged = new TestMember(server, 'm1', `paged-${type}`)
    await paged.join({ topics: [topic] })
    const seen: string[] = []
    while (seen.length < values.length) {
      const { records: page } = await paged.page({ query: '&maxRecords=70' })
      seen.push(...page.map(({ value }) => value))
    }
    assert.deepEqual(seen, values)
    const streaming = new TestMember(server, 'm1', `streaming-${type}`)
    await streaming.join({ topics: [topic] })
    const stream = await EventReader.open(t, `${server.url}${streaming.path}/stream?cursor=${streaming.cursor}`)
    const got: string[] = []
    while (got.length < values.length) {
      const { event, data } = await stream.some()
      if (event === undefined && data !== undefined) got.push(JSON.parse(data).value)
    }
    assert.deepEqual(got, values)
  }
})

test('a stream sends what comes compressed', async (t) => {
  const server = await startApi(t)
  await server.api.put('/topics/live').send({ partitions: 1 }).expect(201)
  const stream = await EventReader.open(t, `${server.url}/topics/live/stream`)
  for (const type of compressionTypes) {
    const records = [{ key: null, value: Buffer.from(type), timestamp: NOW }]
    const batches = [encoded({ partition: 0, records, type })]
    await server.engine.append({ topic: 'live', parts: [{ partition: 0, batches }], acks: 'all' })
    assert.deepEqual(
      (await stream.records(1)).map(({ value }: { value: unknown }) => value),
      [type],
    )
  }
})

test('pages of batches have them as they are stored', async (t) => {
  const { api, engine, url } = await startApi(t)
  await api.put('/topics/packed').send({ partitions: 1 }).expect(201)
  const records = [{ key: Buffer.from('k'), value: Buffer.from('v'.repeat(200)), timestamp: NOW }]
  const stored = compressionTypes.map((type) => encoded({ partition: 0, records, type }))
  const contents = stored.map(({ bytes }) => Buffer.from(bytes.subarray(17)))
  await engine.append({ topic: 'packed', parts: [{ partition: 0, batches: stored }], acks: 'all' })
  const response = await fetch(`${url}/topics/packed/partitions/0/batches`)
  const page = Buffer.from(await response.arrayBuffer())
  let at = 0
  for (const content of contents) {
    assert.deepEqual(page.subarray(at + 17, at + 17 + content.length), content)
    at += 17 + content.length
  }
  assert.equal(at, page.length)
})

test('what Kafka’s producer compressed is read as its records', async (t) => {
  const server = await startApi(t)
  const { api, engine } = server
  for (const name of kafkaBatchNames) {
    const expected = kafkaBatchRecords(name)
    for (const codec of kafkaCodecs) {
      const topic = `${name}-${codec}`
      await api.put(`/topics/${topic}`).send({ partitions: 1 }).expect(201)
      const batches = [{ bytes: kafkaBatch(codec, name), recordCount: expected.length, maxTimestamp: NOW }]
      await engine.append({ topic, parts: [{ partition: 0, batches }], acks: 'all' })
      const page = await api
        .get(`/topics/${topic}/records?format=base64&maxRecords=10000&maxBytes=16777216`)
        .expect(200)
      const given = page.body.records.map((record: { key: string | null; value: string | null; timestamp: number }) => [
        record.key,
        record.value,
        record.timestamp,
      ])
      assert.deepEqual(
        given,
        expected.map(({ key, value, timestamp }) => [base64(key), base64(value), timestamp]),
        topic,
      )
    }
  }
})

test('a compressed batch that cannot be opened is CORRUPT_MESSAGE with the offset to go on at', async (t) => {
  const { api, engine } = await startApi(t)
  await api.put('/topics/broken').send({ partitions: 1 }).expect(201)
  const records = ['a', 'b', 'c'].map((value) => ({ key: null, value: Buffer.from(value), timestamp: NOW }))
  for (const type of compressionTypes) {
    if (type === 'none') continue
    const batches = [encoded({ partition: 0, records, type }), encoded({ partition: 0, records, type: 'none' })]
    batches[0]?.bytes.fill(0x55, 61)
    await engine.append({ topic: 'broken', parts: [{ partition: 0, batches }], acks: 'all' })
  }
  for (let broken = 0; broken < 24; broken += 6) {
    const refused = await api.get(`/topics/broken/partitions/0/records?offset=${broken}`)
    assert.deepEqual(
      [refused.status, refused.body.code, refused.body.nextReadableOffset],
      [422, 'CORRUPT_MESSAGE', broken + 3],
    )
    const behind = await api.get(`/topics/broken/partitions/0/records?offset=${broken + 3}`).expect(200)
    assert.equal(behind.body.records.length, 3)
    await api.get(`/topics/broken/partitions/0/records/${broken + 1}`).expect(422)
  }
  // A cursor that accepts the gap is in the error.
  const page = await api.get('/topics/broken/records')
  const onward = await api.get(`/topics/broken/records?cursor=${page.body.cursor}`).expect(200)
  assert.equal(onward.body.records[0].offset, 3)
})

function base64(bytes: Buffer | null): string | null {
  return bytes === null ? null : bytes.toString('base64')
}

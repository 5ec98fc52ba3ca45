import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { BrokerError } from '../../src/broker/broker-error.ts'
import type { ReadRequest, ReadResult } from '../../src/broker/engine.ts'
import {
  assignOffsets,
  attributes,
  baseSequence,
  BATCH_HEADER_BYTES,
  producerId,
  writeEmptyBatch,
} from '../../src/codec/record-batch.ts'
import { goldenBatch, goldenRecord } from '../support/golden-batch.ts'
import { anyRecord, decodeBatch, encodeBatch } from '../support/record-spans.ts'
import { startApi } from './api-server.ts'
import { MEDIA_TYPE, path, record, call, post, startWithTopic, split, changed, HEADER } from './batch-requests.ts'

test('batches are stored as they are, and read back with their offsets', async (t) => {
  const server = await startWithTopic(t)
  const first = encodeBatch([record('a'), record('b')])
  const published = await post(server, Buffer.concat([first, goldenBatch]))
  assert.equal(published.status, 200, published.bytes.toString())
  assert.deepEqual(published.json(), {
    topic: 'orders',
    partition: 0,
    batches: [
      { baseOffset: 0, lastOffset: 1 },
      { baseOffset: 2, lastOffset: 2 },
    ],
    logAppendTime: -1,
    durability: 'fsync',
    duplicate: false,
  })
  const page = await call(server, path)
  assert.equal(page.headers.get('content-type'), MEDIA_TYPE)
  assert.equal(page.headers.get('next-offset'), '3')
  assert.equal(page.headers.get('up-to-date'), 'true')
  assert.equal(page.headers.get('content-length'), String(page.bytes.length))
  const stored = split(page.bytes)
  assert.equal(stored.length, 2)
  // All but base offset and leader epoch, which the checksum leaves out.
  assert.deepEqual(stored[0]?.subarray(16), first.subarray(16))
  assert.deepEqual(stored[1]?.subarray(16), goldenBatch.subarray(16))
  assert.deepEqual(decodeBatch(stored[1]), [{ offset: 2, ...goldenRecord }])
  const json = await server.api.get('/topics/orders/partitions/0/records').expect(200)
  assert.deepEqual(
    json.body.records.map(({ offset, value }: { offset: number; value: unknown }) => [offset, value]),
    [
      [0, 'a'],
      [1, 'b'],
      [2, 'hello'],
    ],
  )
})

test('a page begins with the batch that holds its offset, and has one whatever its size', async (t) => {
  const server = await startWithTopic(t)
  for (const value of ['a', 'b', 'c']) await post(server, encodeBatch([record(value), record(value)]))
  const within = await call(server, `${path}?offset=3&maxBytes=1`)
  assert.deepEqual(
    split(within.bytes).map((batch) => decodeBatch(batch).map(({ offset }) => offset)),
    [[2, 3]],
  )
  assert.equal(within.headers.get('next-offset'), '4')
  assert.equal(within.headers.get('up-to-date'), 'false')
  const end = await call(server, `${path}?offset=6`)
  assert.deepEqual([end.status, end.bytes.length, end.headers.get('next-offset')], [200, 0, '6'])
  assert.equal(end.headers.get('up-to-date'), 'true')
})

test('what nobody may see is passed over, and the rest can be published again', async (t) => {
  const server = await startWithTopic(t)
  await post(server, goldenBatch)
  const read = server.engine.read.bind(server.engine)
  const marker = Buffer.alloc(BATCH_HEADER_BYTES)
  writeEmptyBatch(marker, 0, 0, 0)
  assignOffsets(marker, 0, 1, 0)
  t.mock.method(server.engine, 'read', async (request: ReadRequest): Promise<ReadResult> => {
    const { partitions } = await read(request)
    return { partitions: partitions.map((part) => ({ ...part, batches: [...part.batches, marker], highWatermark: 2 })) }
  })
  const page = await call(server, path)
  assert.deepEqual([page.headers.get('next-offset'), page.headers.get('up-to-date')], ['2', 'true'])
  assert.equal(page.headers.get('content-length'), String(page.bytes.length))
  assert.deepEqual((await post(server, page.bytes)).json().batches, [{ baseOffset: 1, lastOffset: 1 }])
})

test('acks say what is vouched for; an unknown topic is created', async (t) => {
  const server = await startApi(t)
  const accepted = await post(server, goldenBatch, '/topics/fresh/partitions/0/batches?acks=0')
  assert.deepEqual([accepted.status, accepted.json()], [202, { topic: 'fresh', durability: 'fsync' }])
  const written = await post(server, goldenBatch, '/topics/fresh/partitions/0/batches?acks=1')
  assert.equal(written.status, 200)
  assert.deepEqual(written.json().batches, [{ baseOffset: 1, lastOffset: 1 }])
})

test('a waiting read gets the batch that comes', async (t) => {
  const server = await startWithTopic(t)
  const waiting = call(server, `${path}?offset=0&waitMs=20000`)
  while (server.engine.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
  await post(server, goldenBatch)
  assert.equal(split((await waiting).bytes).length, 1)
})

test('whose request a batch was elsewhere is taken off: what was read can be published again', async (t) => {
  const server = await startWithTopic(t)
  const elsewhere = changed(encodeBatch([record('a'), record('b')]), (copy) => {
    copy.writeInt16BE(16, HEADER.attributes)
    copy.writeBigInt64BE(7n, HEADER.producerId)
    copy.writeInt16BE(3, HEADER.producerId + 8)
    copy.writeInt32BE(5, HEADER.producerId + 10)
  })
  assert.equal((await post(server, elsewhere)).status, 200)
  const producer = { 'content-type': MEDIA_TYPE, 'producer-id': 'shop-1', 'producer-sequence': '0' }
  const once = { method: 'POST', headers: producer, body: new Uint8Array(elsewhere) }
  assert.equal((await call(server, path, once)).status, 200)
  const read = await call(server, path)
  const [plain, counted] = split(read.bytes)
  assert.ok(plain && counted)
  assert.deepEqual([attributes(plain, 0), producerId(plain, 0), baseSequence(plain, 0)], [0, -1n, -1])
  assert.deepEqual([attributes(counted, 0), baseSequence(counted, 0)], [0, 0])
  const again = await post(server, read.bytes)
  assert.deepEqual(again.json().batches, [
    { baseOffset: 4, lastOffset: 5 },
    { baseOffset: 6, lastOffset: 7 },
  ])
  const all = split((await call(server, path)).bytes).flatMap((batch) => decodeBatch(batch))
  assert.deepEqual(
    all.map(({ value }) => value?.toString()),
    ['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b'],
  )
})

test('a failed append says that nobody knows what was stored', async (t) => {
  const server = await startWithTopic(t)
  server.engine.memoryPartition('orders', 0).failure = new BrokerError('KAFKA_STORAGE_ERROR', 'The disk is gone.')
  const answer = await post(server, goldenBatch)
  assert.deepEqual([answer.status, answer.json().stored], [503, 'unknown'])
  assert.equal((await call(server, path)).status, 503)
})

test('any bytes are stored and read back record by record, or refused with nothing stored', async (t) => {
  const server = await startWithTopic(t, {}, { 'message.timestamp.after.max.ms': '9223372036854775807' })
  const anyBatches = fc.array(fc.array(anyRecord, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 })
  const anyDamage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 2 })
  const anyBody = fc.oneof(
    fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes)),
    fc.tuple(anyBatches, anyDamage, fc.boolean()).map(([batches, damage, resealed]) =>
      Buffer.concat(
        batches.map((records, place) => {
          const batch = encodeBatch(records)
          if (place > 0) return batch
          for (const [at, byte] of damage) batch[at % batch.length] = byte
          return resealed ? changed(batch, () => {}) : batch
        }),
      ),
    ),
  )
  const log = server.engine.memoryPartition('orders', 0)
  let accepted = 0
  await fc.assert(
    fc.asyncProperty(anyBody, async (body) => {
      const before = log.highWatermark
      const answer = await post(server, body)
      if (answer.status === 200) {
        accepted++
        const page = await call(server, `${path}?offset=${before}&maxBytes=16777216`)
        const sent = split(body).flatMap((batch) => decodeBatch(batch))
        const read = split(page.bytes).flatMap((batch) => decodeBatch(batch))
        assert.deepEqual(
          read,
          sent.map((given, index) => ({ ...given, offset: before + index })),
        )
      } else {
        assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status} ${answer.bytes.toString()}`)
        assert.equal(answer.json().stored, 'no')
        assert.equal(log.highWatermark, before)
      }
    }),
    { numRuns: 300 },
  )
  assert.ok(accepted > 20, `${accepted} bodies were taken`)
})

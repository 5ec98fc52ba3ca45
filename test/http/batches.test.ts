import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { BrokerError } from '../../src/broker/broker-error.ts'
import type { ReadRequest, ReadResult } from '../../src/broker/engine.ts'
import { crc32c } from '../../src/codec/crc32c.ts'
import {
  assignOffsets,
  attributes,
  baseSequence,
  BATCH_HEADER_BYTES,
  batchSizeBytes,
  producerId,
  writeEmptyBatch,
} from '../../src/codec/record-batch.ts'
import { goldenBatch, goldenRecord } from '../support/golden-batch.ts'
import { anyRecord, decodeBatch, encodeBatch, type PlainRecord } from '../support/record-spans.ts'
import { startApi, type ApiServer } from './api-server.ts'

const MEDIA_TYPE = 'application/vnd.kafka.record-batches'
const NOW = 1_700_000_000_000
const path = '/topics/orders/partitions/0/batches'

const record = (value: string, timestamp = NOW): PlainRecord => ({ key: null, value: Buffer.from(value), timestamp })

interface Answer {
  readonly status: number
  readonly bytes: Buffer
  readonly headers: Headers
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the server answered
  readonly json: () => any
}

async function call({ url }: ApiServer, target: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url + target, init)
  const bytes = Buffer.from(await response.arrayBuffer())
  return { status: response.status, bytes, headers: response.headers, json: () => JSON.parse(bytes.toString()) }
}

function post(server: ApiServer, body: Buffer, target = path, type: string = MEDIA_TYPE): Promise<Answer> {
  const headers = { 'content-type': type }
  return call(server, target, { method: 'POST', headers, body: new Uint8Array(body) })
}

async function startWithTopic(
  t: Parameters<typeof startApi>[0],
  options: Parameters<typeof startApi>[1] = {},
  configs: Record<string, string> = {},
): Promise<ApiServer> {
  const server = await startApi(t, options)
  await server.api.put('/topics/orders').send({ partitions: 1, configs }).expect(201)
  return server
}

/** The batches that a body holds. */
function split(bytes: Buffer): Buffer[] {
  const batches: Buffer[] = []
  for (let at = 0; at < bytes.length; at += batchSizeBytes(bytes, at)) {
    batches.push(bytes.subarray(at, at + batchSizeBytes(bytes, at)))
  }
  return batches
}

/** A batch changed behind its checksum's back, and made to agree with it again. */
function changed(batch: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(batch)
  change(copy)
  copy.writeUInt32BE(crc32c(copy.subarray(21)), 17)
  return copy
}

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

const HEADER = { attributes: 21, lastOffsetDelta: 23, maxTimestamp: 35, producerId: 43, recordCount: 57 }

test('what is no sound batch is refused with its place, and nothing is stored', async (t) => {
  const server = await startWithTopic(t)
  const two = encodeBatch([record('a'), record('b')])
  const withAttributes = (bits: number) => changed(two, (copy) => copy.writeInt16BE(bits, HEADER.attributes))
  const cases: readonly (readonly [string, Buffer, number, string, RegExp, Record<string, unknown>?])[] = [
    ['nothing', Buffer.alloc(0), 400, 'INVALID_REQUEST', /no body/],
    ['a few bytes', Buffer.from('abc'), 422, 'CORRUPT_MESSAGE', /3 bytes are too few/, { batch: 0, byte: 0 }],
    ['a cut batch', two.subarray(0, -1), 422, 'CORRUPT_MESSAGE', /of which/, { batch: 0, byte: 0 }],
    [
      'bytes behind',
      Buffer.concat([two, Buffer.from('x')]),
      422,
      'CORRUPT_MESSAGE',
      /too few/,
      { batch: 1, byte: two.length },
    ],
    ['a length of 0', changed(two, (copy) => copy.writeInt32BE(0, 8)), 422, 'CORRUPT_MESSAGE', /batchLength 0/],
    ['magic 1', changed(two, (copy) => copy.writeInt8(1, 16)), 422, 'CORRUPT_MESSAGE', /magic 1/],
    [
      'a bad CRC',
      Buffer.concat([two.subarray(0, 17), Buffer.alloc(4), two.subarray(21)]),
      422,
      'CORRUPT_MESSAGE',
      /CRC-32C/,
    ],
    [
      'no records',
      changed(two.subarray(0, 61), (copy) => {
        copy.writeInt32BE(49, 8)
        copy.writeInt32BE(0, HEADER.recordCount)
      }),
      422,
      'CORRUPT_MESSAGE',
      /no records/,
    ],
    [
      'a gap',
      changed(two, (copy) => copy.writeInt32BE(2, HEADER.lastOffsetDelta)),
      422,
      'CORRUPT_MESSAGE',
      /lastOffsetDelta 2/,
    ],
    [
      'a record too many',
      changed(two, (copy) => {
        copy.writeInt32BE(2, HEADER.lastOffsetDelta)
        copy.writeInt32BE(3, HEADER.recordCount)
      }),
      422,
      'CORRUPT_MESSAGE',
      /at byte/,
    ],
    [
      'an offset delta',
      changed(two, (copy) => copy.writeInt8(6, 61 + 3)),
      422,
      'CORRUPT_MESSAGE',
      /offset delta/,
      { batch: 0, byte: 61 },
    ],
    [
      'a record length',
      changed(two, (copy) => copy.writeInt8(2, 61)),
      422,
      'CORRUPT_MESSAGE',
      /at byte/,
      { batch: 0, record: 0 },
    ],
    [
      'another newest time',
      changed(two, (copy) => copy.writeBigInt64BE(BigInt(NOW + 1), HEADER.maxTimestamp)),
      422,
      'CORRUPT_MESSAGE',
      /maxTimestamp/,
    ],
    [
      'no gzip',
      withAttributes(1),
      422,
      'CORRUPT_MESSAGE',
      /gzip content cannot be decompressed/,
      { batch: 0, byte: 61 },
    ],
    ['no snappy', withAttributes(2), 422, 'CORRUPT_MESSAGE', /Snappy/],
    ['no lz4', withAttributes(3), 422, 'CORRUPT_MESSAGE', /LZ4/],
    ['no zstd', withAttributes(4), 422, 'CORRUPT_MESSAGE', /Zstandard/],
    ['codec 7', withAttributes(7), 422, 'CORRUPT_MESSAGE', /codec 7/],
    ['LogAppendTime', withAttributes(8), 422, 'INVALID_TIMESTAMP', /LogAppendTime/],
    ['a control batch', withAttributes(32), 422, 'INVALID_RECORD', /control/],
    ['a delete horizon', withAttributes(64), 422, 'INVALID_RECORD', /0x40/],
    [
      'a late time',
      encodeBatch([record('a'), record('b', NOW + 3_600_001)]),
      422,
      'INVALID_TIMESTAMP',
      /after\.max\.ms/,
    ],
    ['a large batch', encodeBatch([record('x'.repeat(1_048_588))]), 413, 'MESSAGE_TOO_LARGE', /max\.message\.bytes/],
  ]
  for (const [name, body, status, code, detail, facts] of cases) {
    const answer = await post(server, body)
    const problem = answer.json()
    assert.deepEqual([answer.status, problem.code, problem.stored], [status, code, 'no'], `${name}: ${problem.detail}`)
    assert.match(answer.headers.get('content-type') ?? '', /^application.problem.json/)
    assert.match(problem.detail, detail, name)
    for (const [fact, value] of Object.entries(facts ?? {})) assert.equal(problem[fact], value, `${name}: ${fact}`)
    // A sound batch in front of it does not help.
    const second = await post(server, Buffer.concat([goldenBatch, body]))
    if (body.length > 0) assert.equal(second.json().errors?.[0]?.pointer.startsWith('/batches/'), true, name)
  }
  const late = await post(server, Buffer.concat([two, encodeBatch([record('a'), record('b', NOW * 2)])]))
  assert.equal(late.json().errors[0].pointer, '/batches/1/records/1/timestamp')
  assert.equal(server.engine.memoryPartition('orders', 0).highWatermark, 1, 'the one golden batch that stood alone')
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

test('of very many faults a hundred are told with their places, and all are counted', async (t) => {
  const server = await startWithTopic(t)
  const records = Array.from({ length: 5000 }, (_, i) => record('x', i % 2 === 0 ? NOW : NOW * 2))
  const sound = encodeBatch([record('a')])
  const answer = (await post(server, Buffer.concat([sound, encodeBatch(records)]))).json()
  assert.deepEqual([answer.code, answer.errorCount, answer.errors.length], ['INVALID_TIMESTAMP', 2500, 100])
  const before = (count: number): number => encodeBatch(records.slice(0, count)).length
  for (const [told, number] of [1, 3, 199].map((index) => [(index - 1) / 2, index] as const)) {
    const { pointer, detail } = answer.errors[told]
    assert.equal(pointer, `/batches/1/records/${number}/timestamp`)
    assert.match(detail, new RegExp(`^Record ${number} of batch 1 \\(at byte ${sound.length + before(number)}\\)`))
  }
})

test('rules of the topic: keys where it is compacted, no time is a time, LogAppendTime judges none', async (t) => {
  const server = await startWithTopic(t, {}, { 'cleanup.policy': 'compact' })
  const keyed = { ...record('a'), key: Buffer.from('k') }
  const refused = await post(server, encodeBatch([keyed, record('b')]))
  assert.deepEqual([refused.status, refused.json().code], [422, 'INVALID_RECORD'])
  assert.equal(refused.json().errors[0].pointer, '/batches/0/records/1/key')
  assert.equal((await post(server, encodeBatch([keyed]))).status, 200)
  await server.api
    .put('/topics/stamped')
    .send({ partitions: 1, configs: { 'message.timestamp.type': 'LogAppendTime' } })
    .expect(201)
  await server.api
    .put('/topics/recent')
    .send({ partitions: 1, configs: { 'message.timestamp.before.max.ms': '1000' } })
    .expect(201)
  const old = encodeBatch([record('a', 5)])
  assert.equal((await post(server, old, '/topics/stamped/partitions/0/batches')).status, 200)
  assert.equal((await post(server, old, '/topics/recent/partitions/0/batches')).status, 422)
  const timeless = encodeBatch([record('a', -1)])
  assert.equal((await post(server, timeless, '/topics/recent/partitions/0/batches')).status, 200)
})

test('limits are named: batches a request, headers a record', async (t) => {
  const server = await startWithTopic(t, { requestMaxRecords: 2, recordMaxHeaders: 1 })
  const many = await post(server, Buffer.concat([goldenBatch, goldenBatch, goldenBatch]))
  assert.deepEqual([many.status, many.json().code, many.json().stored], [400, 'INVALID_REQUEST', 'no'])
  assert.match(many.json().detail, /request\.max\.records/)
  const header = { name: Buffer.from('h'), value: null }
  const headers = await post(server, encodeBatch([{ ...record('a'), headers: [header, header] }]))
  assert.match(headers.json().detail, /record\.max\.headers/)
  assert.equal(headers.status, 422)
})

test('paths, types and parameters are refused by name', async (t) => {
  const server = await startWithTopic(t, { autoCreateTopicsEnable: false })
  const json = await post(server, goldenBatch, path, 'application/json')
  assert.deepEqual([json.status, json.json().code, json.json().stored], [415, 'UNSUPPORTED_MEDIA_TYPE', 'no'])
  assert.match(
    json.json().detail,
    /curl -X POST -H 'Content-Type: application\/vnd\.kafka\.record-batches' --data-binary/,
  )
  const records = await post(server, goldenBatch, '/topics/orders/records')
  assert.equal(records.status, 415)
  for (const [target, status, code] of [
    ['/topics/orders/partitions/7/batches', 404, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['/topics/nothing/partitions/0/batches', 404, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['/topics/orders/partitions/0/batches?acks=2', 400, 'INVALID_REQUIRED_ACKS'],
    ['/topics/orders/partitions/0/batches?format=json', 400, 'INVALID_REQUEST'],
    ['/topics/orders/partitions/x/batches', 400, 'INVALID_REQUEST'],
  ] as const) {
    const answer = await post(server, goldenBatch, target)
    assert.deepEqual([answer.status, answer.json().code, answer.json().stored], [status, code, 'no'], target)
  }
  for (const [target, status, code] of [
    [`${path}?offset=1`, 416, 'OFFSET_OUT_OF_RANGE'],
    [`${path}?maxRecords=5`, 400, 'INVALID_REQUEST'],
    [`${path}?maxBytes=0`, 400, 'INVALID_REQUEST'],
    ['/topics/orders/partitions/1/batches', 404, 'UNKNOWN_TOPIC_OR_PARTITION'],
  ] as const) {
    const answer = await call(server, target)
    assert.deepEqual([answer.status, answer.json().code], [status, code], target)
  }
  server.engine.memoryPartition('orders', 0).logStartOffset = 5
  server.engine.memoryPartition('orders', 0).highWatermark = 9
  const gone = await call(server, `${path}?offset=2`)
  assert.deepEqual([gone.status, gone.json().logStartOffset, gone.json().highWatermark], [410, 5, 9])
  const unacceptable = await call(server, path, { headers: { accept: 'application/json' } })
  assert.equal(unacceptable.status, 406)
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

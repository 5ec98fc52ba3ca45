import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goldenBatch } from '../support/golden-batch.ts'
import { encodeBatch } from '../support/record-spans.ts'
import { NOW, path, record, call, post, startWithTopic, changed, HEADER } from './batch-requests.ts'

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

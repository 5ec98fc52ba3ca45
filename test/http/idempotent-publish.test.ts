import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { baseSequence, producerEpoch, producerId } from '../../src/codec/record-batch.ts'
import { encodeBatch } from '../support/record-spans.ts'
import { NOW, sequence, key, start, post, answerOf, valuesIn } from './known-requests.ts'

for (const [kind, identity] of [['a sequence', sequence(0)] as const, ['a key', key('order-42')] as const]) {
  test(`a request under ${kind} is stored once, and answered as the first time`, async (t) => {
    const server = await start(t)
    const records = [
      { value: 'a' },
      { key: 'user-42', value: 'b' },
      { value: 'c', partition: 1 },
      { value: 'd', timestamp: NOW - 5 },
    ]
    const first = await post(server, identity, records).expect(200)
    assert.equal(first.body.duplicate, false)
    assert.deepEqual(
      first.body.records.map(({ timestamp }: { timestamp: number }) => timestamp),
      [NOW, NOW, NOW, NOW - 5],
    )
    server.clock.advance(60_000)
    const again = await post(server, identity, records).expect(200)
    assert.deepEqual(again.body, { ...first.body, duplicate: true })
    assert.deepEqual(await valuesIn(server), ['a', 'b', 'c', 'd'])
  })

  test(`repeats under ${kind} that run at the same time are one request`, async (t) => {
    const server = await start(t)
    const replies = await Promise.all(
      Array.from({ length: 8 }, () => post(server, identity, [{ value: 'a' }, { key: 'k' }])),
    )
    assert.deepEqual(
      replies.map(({ status }) => status),
      Array(8).fill(200),
    )
    assert.equal(replies.filter(({ body }) => !body.duplicate).length, 1)
    assert.equal(new Set(replies.map(({ body }) => JSON.stringify(body.records))).size, 1)
    assert.equal((await valuesIn(server)).length, 2)
  })

  test(`another request under ${kind} is refused`, async (t) => {
    const server = await start(t)
    await post(server, identity, [{ value: 'a' }]).expect(200)
    for (const [records, query] of [
      [[{ value: 'b' }], ''],
      [[{ value: 'a' }], '?format=json'],
    ] as const) {
      const { body } = await post(server, identity, records, query).expect(422)
      assert.equal(body.code, 'IDEMPOTENCY_MISMATCH')
      assert.equal(body.stored, 'no')
    }
    assert.deepEqual(await valuesIn(server), ['a'])
  })

  test(`a refused request leaves ${kind} free`, async (t) => {
    const server = await start(t)
    const { body: refused } = await post(server, identity, [{ value: 'a', partition: 9 }]).expect(400)
    assert.equal(refused.stored, 'no')
    await post(server, identity, [{ value: 12 }]).expect(400)
    const { body } = await post(server, identity, [{ value: 'a' }]).expect(200)
    assert.equal(body.duplicate, false)
  })

  test(`a request under ${kind} that is stored in part is completed by sending it again`, async (t) => {
    const server = await start(t)
    const records = [0, 1, 2, 1, 0].map((partition, index) => ({ value: `v${index}`, partition }))
    const broken = server.engine.memoryPartition('orders', 1)
    broken.failure = new BrokerError('KAFKA_STORAGE_ERROR', 'The disk is gone.', { stored: 'no' })
    const partial = await post(server, identity, records).expect(503)
    assert.equal(partial.body.stored, 'partial')
    assert.equal(partial.body.recovery, 'retry')
    assert.match(partial.body.detail, /send the same request again/)
    assert.deepEqual(
      partial.body.records.map(({ offset }: { offset: number | null }) => offset),
      [0, null, 0, null, 1],
    )
    server.clock.advance(7)
    const still = await post(server, identity, records).expect(503)
    assert.equal(still.body.stored, 'partial')
    assert.deepEqual(still.body.records, partial.body.records)
    broken.failure = undefined
    const completed = await post(server, identity, records).expect(200)
    assert.equal(completed.body.duplicate, true)
    assert.deepEqual(
      completed.body.records,
      [0, 0, 0, 1, 1].map((offset, index) => ({ partition: records[index]!.partition, offset, timestamp: NOW })),
    )
    assert.deepEqual((await post(server, identity, records).expect(200)).body, completed.body)
    assert.equal((await valuesIn(server)).length, 5)
  })

  test(`a request under ${kind} of which nothing could be stored is stored by the next try`, async (t) => {
    const server = await start(t, 1)
    const partition = server.engine.memoryPartition('orders', 0)
    partition.failure = new BrokerError('KAFKA_STORAGE_ERROR', 'The disk is gone.', { stored: 'no' })
    assert.equal((await post(server, identity, [{ value: 'a' }]).expect(503)).body.stored, 'no')
    partition.failure = undefined
    assert.equal((await post(server, identity, [{ value: 'a' }]).expect(200)).body.duplicate, false)
    assert.deepEqual(await valuesIn(server), ['a'])
  })

  test(`a repeat under ${kind} is answered the same when the topic has changed meanwhile`, async (t) => {
    const server = await start(t)
    const records = [{ value: 'x'.repeat(500) }, { key: 'user-42', value: 'a', timestamp: NOW }, { value: 'b' }]
    const first = await post(server, identity, records).expect(200)
    await server.api
      .patch('/topics/orders')
      .send({
        partitions: 64,
        configs: { 'max.message.bytes': '100', 'message.timestamp.before.max.ms': '1000', 'cleanup.policy': 'compact' },
      })
      .expect(200)
    server.clock.advance(3_600_000)
    const again = await post(server, identity, records).expect(200)
    assert.deepEqual(again.body, { ...first.body, duplicate: true })
    // Of a new request the present settings are asked for.
    const refused = await post(server, sequence(0, 0, 'other'), records)
    assert.ok(refused.status >= 400 && refused.body.stored === 'no', refused.text)
  })

  test(`a topic that is made again knows nothing of ${kind}`, async (t) => {
    const server = await start(t)
    await post(server, identity, [{ value: 'a' }]).expect(200)
    await server.api.delete('/topics/orders').expect(204)
    await server.api.put('/topics/orders').send({ partitions: 4 }).expect(201)
    const { body } = await post(server, identity, [{ value: 'b' }]).expect(200)
    assert.equal(body.duplicate, false)
    assert.deepEqual(await valuesIn(server), ['b'])
  })
}

test('the keyless records of a request go to one partition, and those of other requests elsewhere', async (t) => {
  const server = await start(t, 32)
  const partitions = new Set<number>()
  for (let number = 0; number < 40; number++) {
    const { body } = await post(server, sequence(number), [{ value: 'a' }, { value: 'b' }]).expect(200)
    assert.equal(body.records[0].partition, body.records[1].partition)
    partitions.add(body.records[0].partition)
  }
  assert.ok(partitions.size > 10, `only ${partitions.size} partitions`)
})

test('a repeat that is spelled otherwise is another request, but for the parameters of its content type', async (t) => {
  const { url } = await start(t)
  const publish = async (contentType: string, body: string) => {
    const headers = { 'content-type': contentType, 'idempotency-key': 'k' }
    const response = await fetch(`${url}/topics/orders/records`, { method: 'POST', headers, body })
    return { status: response.status, duplicate: (await answerOf(response)).duplicate }
  }
  const body = String.raw`{"records":[{"value":"\u0061","key":"a\nb"}]}`
  assert.deepEqual(await publish('application/json', body), { status: 200, duplicate: false })
  assert.deepEqual(await publish('application/json', body), { status: 200, duplicate: true })
  assert.deepEqual(await publish('application/json; charset=utf-8', body), { status: 200, duplicate: true })
  assert.equal((await publish('application/json', `${body} `)).status, 422)
})

test('the batches of a sequence name their producer, those of a key do not', async (t) => {
  const server = await start(t, 1)
  const stored = () => server.engine.memoryPartition('orders', 0).batches
  await post(server, sequence(0, 3), [{ value: 'a' }, { value: 'b' }]).expect(200)
  await post(server, key('k'), [{ value: 'c' }]).expect(200)
  const named = stored()[0]!
  const digest = hash('sha256', 'billing-7', 'buffer').readBigUInt64BE(0)
  assert.equal(producerId(named, 0), digest >> 1n)
  assert.deepEqual([producerEpoch(named, 0), baseSequence(named, 0)], [3, 0])
  assert.deepEqual([producerId(stored()[1]!, 0), baseSequence(stored()[1]!, 0)], [-1n, -1])
})

test('batches of clients are known again as records are', async (t) => {
  const server = await start(t)
  const body = Buffer.concat([
    encodeBatch([
      { key: null, value: Buffer.from('a'), timestamp: NOW },
      { key: null, value: Buffer.from('b'), timestamp: NOW },
    ]),
    encodeBatch([{ key: null, value: Buffer.from('c'), timestamp: NOW }]),
  ])
  const publish = async (headers: Record<string, string>, bytes = body, partition = 2) => {
    const response = await fetch(`${server.url}/topics/orders/partitions/${partition}/batches`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.kafka.record-batches', ...headers },
      body: new Uint8Array(bytes),
    })
    return { status: response.status, body: await answerOf(response) }
  }
  const identity = { 'Producer-Id': 'billing-7', 'Producer-Sequence': '0' }
  const first = await publish(identity)
  assert.equal(first.status, 200, JSON.stringify(first.body))
  assert.equal(first.body.duplicate, false)
  assert.deepEqual(await publish(identity), { status: 200, body: { ...first.body, duplicate: true } })
  assert.equal((await publish(identity, body.subarray(0, body.length / 2))).status, 422)
  assert.equal((await publish(identity, body, 3)).body.code, 'IDEMPOTENCY_MISMATCH')
  const badAcks = await fetch(`${server.url}/topics/orders/partitions/2/batches?acks=1`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.kafka.record-batches', 'Idempotency-Key': 'k' },
    body: new Uint8Array(body),
  })
  assert.equal(badAcks.status, 400)
  // The counter is the producer's, whatever the path; a partition that does not exist uses no number.
  assert.equal((await publish({ ...identity, 'Producer-Sequence': '1' }, body, 9)).status, 404)
  await post(server, sequence(1), [{ value: 'd' }]).expect(200)
  assert.deepEqual(await valuesIn(server), ['a', 'b', 'c', 'd'])
  const [batch] = server.engine.memoryPartition('orders', 2).batches
  assert.equal(producerId(batch!, 0), hash('sha256', 'billing-7', 'buffer').readBigUInt64BE(0) >> 1n)
})

test('raw values are known again; a time that counts back from now is refused', async (t) => {
  const server = await start(t)
  const publish = (query: string, value: string) =>
    server.api
      .post(`/topics/orders/raw${query}`)
      .set('Idempotency-Key', 'k')
      .set('Content-Type', 'image/png')
      .send(Buffer.from(value))
  const { body: refused } = await publish('?timestamp=-15m', 'a').expect(400)
  assert.deepEqual([refused.errors[0].pointer, refused.stored], ['?timestamp', 'no'])
  const first = await publish('?key=user-42', 'a').expect(200)
  server.clock.advance(1000)
  const again = await publish('?key=user-42', 'a').expect(200)
  assert.deepEqual(again.body, { ...first.body, duplicate: true })
  await publish('?key=user-43', 'a').expect(422)
  await publish('?key=user-42', 'b').expect(422)
})

test('lines cannot be known again', async (t) => {
  const server = await start(t)
  for (const headers of [key('k'), sequence(0)]) {
    const text = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
    const { body } = await server.api
      .post('/topics/orders/lines')
      .set(text)
      .set('Content-Type', 'application/x-ndjson')
      .send('{"value":"a"}\n')
      .expect(400)
    assert.deepEqual([body.code, body.stored], ['INVALID_REQUEST', 'no'])
  }
  assert.deepEqual(await valuesIn(server), [])
})

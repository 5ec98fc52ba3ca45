import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { NOW, sequence, key, start, post, valuesIn } from './known-requests.ts'

test('sequences have no gap, and a producer begins with 0', async (t) => {
  const server = await start(t)
  const unknown = await post(server, sequence(7), [{ value: 'a' }]).expect(409)
  assert.equal(unknown.body.code, 'UNKNOWN_PRODUCER_ID')
  // It may be a repeat of what was stored long ago.
  assert.equal(unknown.body.stored, 'unknown')
  for (let number = 0; number < 7; number++)
    await post(server, sequence(number), [{ value: number + 'th' }]).expect(200)
  const early = await post(server, sequence(70), [{ value: 'a' }]).expect(409)
  assert.equal(early.body.code, 'OUT_OF_ORDER_SEQUENCE_NUMBER')
  assert.equal(early.body.expectedSequence, 7)
  assert.equal(early.body.stored, 'no')
  const old = await post(server, sequence(0), [{ value: '0th' }]).expect(409)
  assert.equal(old.body.code, 'DUPLICATE_SEQUENCE_NUMBER')
  assert.equal(old.body.stored, 'unknown')
  for (let number = 2; number < 7; number++) {
    const { body } = await post(server, sequence(number), [{ value: number + 'th' }]).expect(200)
    assert.equal(body.duplicate, true)
  }
  assert.equal((await valuesIn(server)).length, 7)
})

test('a producer that lost count asks, and goes on in a new epoch', async (t) => {
  const server = await start(t)
  const where = () => server.api.get('/topics/orders/producers/billing-7')
  const { body: nobody } = await where().expect(404)
  assert.equal(nobody.code, 'UNKNOWN_PRODUCER_ID')
  assert.match(nobody.detail, /begins with Producer-Sequence: 0/)
  for (let number = 0; number < 3; number++) await post(server, sequence(number), [{ value: 'a' }]).expect(200)
  assert.deepEqual((await where().expect(200)).body, { epoch: 0, nextSequence: 3 })
  await post(server, sequence(0, 1), [{ value: 'b' }]).expect(200)
  assert.deepEqual((await where().expect(200)).body, { epoch: 1, nextSequence: 1 })
  const fenced = await post(server, sequence(3, 0), [{ value: 'a' }]).expect(409)
  assert.equal(fenced.body.code, 'PRODUCER_FENCED')
  assert.equal(fenced.body.stored, 'unknown')
  const { body: unknownTopic } = await server.api.get('/topics/nowhere/producers/billing-7').expect(404)
  assert.equal(unknownTopic.code, 'UNKNOWN_TOPIC_OR_PARTITION')
  const { body: badId } = await server.api.get('/topics/orders/producers/a%20b').expect(400)
  assert.equal(badId.errors[0].pointer, 'producerId')
  await server.api.get('/topics/orders/producers/billing-7?epoch=1').expect(400)
})

test('a request stored in part has to be completed before the next one', async (t) => {
  const server = await start(t)
  await post(server, sequence(0), [{ value: 'a' }]).expect(200)
  const broken = server.engine.memoryPartition('orders', 1)
  broken.failure = new BrokerError('KAFKA_STORAGE_ERROR', 'The disk is gone.', { stored: 'no' })
  const records = [
    { value: 'b', partition: 0 },
    { value: 'c', partition: 1 },
  ]
  await post(server, sequence(1), records).expect(503)
  broken.failure = undefined
  assert.deepEqual((await server.api.get('/topics/orders/producers/billing-7').expect(200)).body, {
    epoch: 0,
    nextSequence: 1,
  })
  // With less than the record takes, the request cannot be completed; with the old setting it can.
  const limit = (bytes: number) =>
    server.api.patch('/topics/orders').send({ configs: { 'max.message.bytes': String(bytes) } })
  await limit(10).expect(200)
  const refused = await post(server, sequence(1), records).expect(413)
  assert.equal(refused.body.stored, 'partial')
  assert.match(refused.body.detail, /set them back/)
  await limit(1_000_000).expect(200)
  const completed = await post(server, sequence(1), records).expect(200)
  assert.equal(completed.body.duplicate, true)
  await post(server, sequence(2), [{ value: 'd' }]).expect(200)
})

test('what was read with LogAppendTime is what a repeat is told', async (t) => {
  const server = await start(t, 2)
  const append = server.engine.append.bind(server.engine)
  server.engine.append = async (request) => {
    const result = await append(request)
    return { ...result, parts: result.parts.map((part) => ({ ...part, logAppendTime: NOW + 77 })) }
  }
  const records = [{ value: 'a', timestamp: NOW - 1 }, { value: 'b' }]
  const first = await post(server, key('k'), records).expect(200)
  server.clock.advance(1000)
  const again = await post(server, key('k'), records).expect(200)
  assert.deepEqual(again.body, { ...first.body, duplicate: true })
  assert.deepEqual(
    again.body.records.map(({ timestamp }: { timestamp: number }) => timestamp),
    [NOW + 77, NOW + 77],
  )
})

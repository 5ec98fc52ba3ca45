import assert from 'node:assert/strict'
import test from 'node:test'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { BatchCompression } from '../../src/broker/batch-compression.ts'
import { CodecJobs } from '../../src/broker/codec-jobs.ts'
import type { AppendRequest, AppendResult } from '../../src/broker/append-request.ts'
import { PublishService } from '../../src/broker/publish-service.ts'
import { TopicAutoCreation } from '../../src/broker/topic-auto-creation.ts'
import { TopicTurns } from '../../src/broker/topic-turns.ts'
import { TopicSettings } from '../../src/broker/topic-settings.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { FakeTopics } from '../support/fake-topics.ts'
import { columnsOf, decodeBatch, type PlainRecord, type StoredRecord } from '../support/record-spans.ts'

const unused = (): never => assert.fail('no request here is known again')

/** An engine that keeps each partition's records in a list. */
class FakeEngine {
  readonly requests: AppendRequest[] = []
  readonly partitions = new Map<number, StoredRecord[]>()
  readonly producers = { claim: unused, describe: unused }
  failing = new Map<number, BrokerError>()
  rejection: unknown

  append(request: AppendRequest): Promise<AppendResult> {
    if (this.rejection !== undefined) return Promise.reject(this.rejection)
    this.requests.push(request)
    const parts = request.parts.map(({ partition, batches }) => {
      const error = this.failing.get(partition)
      if (error !== undefined) return { partition, baseOffset: -1, logAppendTime: -1, error }
      const log = this.records(partition)
      const baseOffset = log.length
      for (const { bytes } of batches) log.push(...decodeBatch(bytes))
      return { partition, baseOffset, logAppendTime: -1 }
    })
    return Promise.resolve({ durability: 'fsync', parts })
  }

  records(partition: number): StoredRecord[] {
    const log = this.partitions.get(partition) ?? []
    this.partitions.set(partition, log)
    return log
  }
}

function setUp({ enabled = true, random = () => 0.5 }: { enabled?: boolean; random?: () => number } = {}) {
  const engine = new FakeEngine()
  const topics = new FakeTopics()
  const clock = new FakeClock()
  const service = new PublishService({
    engine,
    durability: 'fsync',
    topics: new TopicAutoCreation(topics, { enabled, numPartitions: 6 }),
    topicConfigOf: new TopicSettings(new Map()).configOf,
    clock,
    compression: new BatchCompression(new CodecJobs()),
    turns: new TopicTurns(),
    random,
  })
  const addTopic = (name: string, configs: readonly (readonly [string, string])[] = [], internal = false) =>
    topics.add({ name, partitionCount: 6, configs: new Map(configs), internal })
  const publish = (topic: string, ...records: PlainRecord[]) =>
    service.publish(topic, columnsOf(records), { acks: 'all' })
  return { engine, topics, clock, addTopic, publish }
}

const record = (value: string, more: Partial<PlainRecord> = {}): PlainRecord => ({
  key: null,
  value: Buffer.from(value),
  ...more,
})

test('one record: stored as sent, and told where', async () => {
  const { engine, addTopic, publish, clock } = setUp()
  addTopic('orders')
  const headers = [{ name: Buffer.from('trace'), value: null }]
  const key = Buffer.from('user-42')
  const { topic, durability, columns, failures } = await publish('orders', record('{"total":1.50}', { key, headers }))
  assert.deepEqual([topic, durability, failures.size], ['orders', 'fsync', 0])
  assert.deepEqual([columns.partition[0], columns.offset[0], columns.timestamp[0]], [4, 0, clock.now()])
  assert.deepEqual(engine.records(4), [
    { offset: 0, timestamp: clock.now(), key, value: Buffer.from('{"total":1.50}'), headers },
  ])
})

test('explicit partition, then key, then one sticky partition for all keyless records', async () => {
  const { engine, addTopic, publish } = setUp()
  addTopic('orders')
  const { columns } = await publish(
    'orders',
    record('a'),
    record('b', { key: Buffer.from('user-42') }),
    record('c', { key: Buffer.from('user-42'), partition: 1 }),
    record('d'),
    record('e', { partition: 0 }),
  )
  assert.deepEqual([...columns.partition.subarray(0, 5)], [3, 4, 1, 3, 0])
  assert.deepEqual([...columns.offset.subarray(0, 5)], [0, 0, 0, 1, 0])
  assert.deepEqual(
    engine.records(3).map(({ value }) => value?.toString()),
    ['a', 'd'],
  )
  assert.equal(engine.requests.length, 1)
})

test('keyless records move on after 16 KiB, and away from a partition that fails', async () => {
  const draws = [0, 0.5, 0.9]
  const { engine, addTopic, publish } = setUp({ random: () => draws.shift() ?? assert.fail('drawn too often') })
  addTopic('orders')
  const partitionOf = async (value: string) => (await publish('orders', record(value))).columns.partition[0]
  assert.equal(await partitionOf('x'), 0)
  assert.equal(await partitionOf('x'.repeat(16_384)), 0)
  assert.equal(await partitionOf('x'), 3)
  engine.failing.set(3, new BrokerError('KAFKA_STORAGE_ERROR', 'no disk', { stored: 'no' }))
  await assert.rejects(publish('orders', record('x')), { code: 'KAFKA_STORAGE_ERROR' })
  assert.equal(await partitionOf('x'), 5)
})

test('a request larger than max.message.bytes is cut into batches', async () => {
  const { engine, addTopic, publish } = setUp()
  addTopic('orders', [['max.message.bytes', '1000']])
  const values = Array.from({ length: 50 }, (_, i) => String(i).padStart(100, '.'))
  const { columns } = await publish('orders', ...values.map((value) => record(value, { partition: 2 })))
  assert.deepEqual([...columns.offset.subarray(0, 50)], [...values.keys()])
  const batches = engine.requests[0]!.parts[0]!.batches
  assert(batches.length > 4 && batches.every(({ bytes }) => bytes.length <= 1000))
  assert.deepEqual(
    engine.records(2).map(({ value }) => value?.toString()),
    values,
  )
})

test('any bad record refuses the whole request', async () => {
  const { engine, addTopic, publish } = setUp()
  addTopic('orders', [['cleanup.policy', 'compact']])
  const key = Buffer.from('k')
  await assert.rejects(
    publish('orders', record('a', { key }), record('b'), record('c', { key, partition: 9 })),
    (error) => {
      assert(error instanceof BrokerError)
      assert.equal(error.code, 'INVALID_RECORD')
      assert.equal(error.options.stored, 'no')
      assert.deepEqual(
        error.options.errors?.map(({ pointer }) => pointer),
        ['/records/1/key', '/records/2/partition'],
      )
      return true
    },
  )
  assert.equal(engine.requests.length, 0)
})

test('timestamps are judged by the clock', async () => {
  const { addTopic, publish, clock } = setUp()
  addTopic('orders', [['message.timestamp.before.max.ms', '1000']])
  const timestamp = clock.now()
  await publish('orders', record('a', { timestamp }))
  clock.advance(1001)
  await assert.rejects(publish('orders', record('a', { timestamp })), { code: 'INVALID_TIMESTAMP' })
})

test('an unknown topic is created once by publishes that race, and each is stored', async () => {
  const { engine, topics, publish } = setUp()
  const results = await Promise.all(['a', 'b', 'c'].map((value) => publish('orders', record(value, { partition: 0 }))))
  assert.equal(topics.created.length, 1)
  assert.deepEqual(
    results.map(({ columns }) => columns.offset[0]),
    [0, 1, 2],
  )
  assert.equal(engine.records(0).length, 3)
})

test('an unknown topic is refused where topics are not created', async () => {
  const { publish } = setUp({ enabled: false })
  await assert.rejects(publish('orders', record('a')), (error) => {
    assert(error instanceof BrokerError)
    assert.equal(error.code, 'UNKNOWN_TOPIC_OR_PARTITION')
    assert.equal(error.options.stored, 'no')
    return true
  })
})

test('internal topics are not written to, whether there or not', async () => {
  const { engine, topics, addTopic, publish } = setUp()
  addTopic('__consumer_offsets', [], true)
  for (const name of ['__consumer_offsets', '__transaction_state']) {
    await assert.rejects(publish(name, record('a')), { code: 'INVALID_TOPIC_EXCEPTION' })
  }
  assert.equal(engine.requests.length + topics.created.length, 0)
})

test('partitions that failed are told, the others are stored', async () => {
  const { engine, addTopic, publish } = setUp()
  addTopic('orders')
  engine.failing.set(1, new BrokerError('KAFKA_STORAGE_ERROR', 'no disk', { stored: 'no' }))
  const result = await publish('orders', record('a', { partition: 0 }), record('b', { partition: 1 }))
  assert.deepEqual([...result.columns.offset.subarray(0, 2)], [0, -1])
  assert.deepEqual([...result.failures.keys()], [1])
  assert.equal(result.worst?.options.stored, 'partial')
})

test('a rejected append stored nothing, and says so; a bug stays a bug', async () => {
  const { engine, addTopic, publish } = setUp()
  addTopic('orders')
  engine.rejection = new BrokerError('SERVER_STOPPING', 'going down', { retryAfterSeconds: 3 })
  await assert.rejects(publish('orders', record('a')), (error) => {
    assert(error instanceof BrokerError)
    assert.deepEqual([error.code, error.options.stored, error.options.retryAfterSeconds], ['SERVER_STOPPING', 'no', 3])
    return true
  })
  const bug = new TypeError('a bug')
  engine.rejection = bug
  await assert.rejects(publish('orders', record('a')), bug)
})

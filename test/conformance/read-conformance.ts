import assert from 'node:assert/strict'
import type { Engine } from '../../src/broker/engine.ts'
import { batchOf, brokerError, EPOCH_MS, publish, readFrom, valuesOf } from '../support/engine-records.ts'
import type { EngineUnderTest } from './engine-under-test.ts'
import { makeTopic } from './make-topic.ts'

/** Ten batches of two records of about a kilobyte each, all in partition 0. */
async function twentyRecords(engine: Engine): Promise<void> {
  await makeTopic(engine, 'orders', 2)
  for (let batch = 0; batch < 10; batch++) {
    const values = [0, 1].map((index) => `${batch * 2 + index}:${'x'.repeat(500)}`)
    await engine.append({
      topic: 'orders',
      parts: [{ partition: 0, batches: [batchOf(values, EPOCH_MS + batch * 1000)] }],
      acks: 'all',
    })
  }
}

const numbers = (values: readonly string[]): number[] => values.map((value) => Number.parseInt(value, 10))

export function readConformance({ make, promises, test }: EngineUnderTest): void {
  test('a read begins at its offset, also inside a batch, and stops at the high watermark', async (t) => {
    const engine = await make(t)
    await twentyRecords(engine)
    const read = await readFrom(engine, { topic: 'orders', partition: 0, offset: 7 })
    assert.deepEqual(
      numbers(valuesOf(read, 7)),
      Array.from({ length: 13 }, (_, index) => index + 7),
    )
    assert.equal(read.highWatermark, 20)
    assert.equal(read.logStartOffset, 0)
    assert.equal(read.topicId, engine.topics.find('orders')?.topicId)
    const atEnd = await readFrom(engine, { topic: 'orders', partition: 0, offset: 20 })
    assert.deepEqual([atEnd.batches, atEnd.error, atEnd.highWatermark], [[], undefined, 20])
  })

  test('the limit counts stored bytes; the first batch found is given whatever its size', async (t) => {
    const engine = await make(t)
    await twentyRecords(engine)
    await publish(engine, 'orders', { 1: ['other'] })
    const page = async (maxBytes: number): Promise<number[]> => {
      const positions = [0, 1].map((partition) => ({ topic: 'orders', partition, offset: 0 }))
      const { partitions } = await engine.read({ positions, maxBytes, waitMs: 0 })
      return partitions.map((read) => valuesOf(read).length)
    }
    assert.deepEqual(await page(1), [2, 0])
    const [records = 0] = await page(3000)
    assert.ok(records === 4 || records === 6, 'as many batches as fit, or the one more that reaches the limit')
    assert.deepEqual(await page(100_000), [20, 1])
  })

  test('the first batch found may be that of a later position', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 3)
    await publish(engine, 'orders', { 1: ['one'], 2: ['two'] })
    const positions = [0, 1, 2].map((partition) => ({ topic: 'orders', partition, offset: 0 }))
    const { partitions } = await engine.read({ positions, maxBytes: 1, waitMs: 0 })
    assert.deepEqual(
      partitions.map((read) => valuesOf(read)),
      [[], ['one'], []],
    )
    assert.deepEqual(
      partitions.map(({ highWatermark }) => highWatermark),
      [0, 1, 1],
    )
  })

  test('answers are in the order of the positions, an error in one leaves the others', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    await publish(engine, 'orders', { 0: ['zero'], 1: ['one'] })
    const { partitions } = await engine.read({
      positions: [
        { topic: 'orders', partition: 1, offset: 0 },
        { topic: 'none', partition: 0, offset: 0 },
        { topic: 'orders', partition: 7, offset: 0 },
        { topic: 'orders', partition: 0, offset: 0 },
        { topic: 'orders', partition: 0, offset: 2 },
      ],
      maxBytes: 10_000,
      waitMs: 60_000,
    })
    const [one, noTopic, noPartition, zero, beyond] = partitions
    assert.deepEqual(valuesOf(one), ['one'])
    brokerError('UNKNOWN_TOPIC_OR_PARTITION')(noTopic?.error)
    brokerError('UNKNOWN_TOPIC_OR_PARTITION')(noPartition?.error)
    assert.deepEqual(valuesOf(zero), ['zero'])
    brokerError('OFFSET_OUT_OF_RANGE', { status: 416, facts: { logStartOffset: 0, highWatermark: 1 } })(beyond?.error)
    assert.deepEqual([beyond?.highWatermark, beyond?.logStartOffset, beyond?.batches], [1, 0, []])
  })

  test('an offset below the log start is out of range', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders')
    const read = await readFrom(engine, { topic: 'orders', partition: 0, offset: -1 })
    brokerError('OFFSET_OUT_OF_RANGE', { status: 410 })(read.error)
  })

  test('offsets are found by their ends and by time', async (t) => {
    const engine = await make(t)
    await twentyRecords(engine)
    const at = async (time: 'earliest' | 'latest' | number): Promise<(number | null)[]> => {
      const [answer] = await engine.listOffsets([{ topic: 'orders', partition: 0, at: time }])
      assert.ok(answer)
      assert.equal(answer.error, undefined)
      return [answer.offset, answer.timestamp]
    }
    assert.deepEqual(await at('earliest'), [0, -1])
    assert.deepEqual(await at('latest'), [20, -1])
    assert.deepEqual(await at(0), [0, EPOCH_MS])
    assert.deepEqual(await at(EPOCH_MS + 3000), [6, EPOCH_MS + 3000])
    assert.deepEqual(await at(EPOCH_MS + 3001), [7, EPOCH_MS + 3001])
    assert.deepEqual(await at(EPOCH_MS + 3002), [8, EPOCH_MS + 4000])
    assert.deepEqual(await at(EPOCH_MS + 9002), [null, -1])
    const answers = await engine.listOffsets([
      { topic: 'none', partition: 0, at: 'latest' },
      { topic: 'orders', partition: 9, at: 5 },
      { topic: 'orders', partition: 1, at: 5 },
    ])
    brokerError('UNKNOWN_TOPIC_OR_PARTITION')(answers[0]?.error)
    brokerError('UNKNOWN_TOPIC_OR_PARTITION')(answers[1]?.error)
    assert.deepEqual(answers[2], { topic: 'orders', partition: 1, offset: null, timestamp: -1 })
  })

  test('cluster and figures describe what is there', async (t) => {
    const engine = await make(t)
    const before = engine.statistics()
    if (promises.emptyAtFirst) assert.deepEqual([before.topicCount, before.partitionCount], [0, 0])
    await makeTopic(engine, 'orders', 2)
    await publish(engine, 'orders', { 0: ['a'] })
    const cluster = await engine.cluster()
    assert.ok(cluster.clusterId.length > 0)
    assert.ok(cluster.nodes.some(({ id }) => id === cluster.controllerId))
    const [zero] = await engine.topics.partitions('orders')
    assert.equal(zero?.highWatermark, 1)
    assert.ok((zero?.sizeBytes ?? 0) > 61)
    assert.deepEqual(engine.troubles(), [])
    const { topicCount, partitionCount } = engine.statistics()
    assert.deepEqual([topicCount - before.topicCount, partitionCount - before.partitionCount], [1, 2])
  })
}

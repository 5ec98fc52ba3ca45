import assert from 'node:assert/strict'
import { brokerError, publish, readFrom, valuesOf } from '../support/engine-records.ts'
import type { EngineUnderTest } from './engine-under-test.ts'
import { makeTopic } from './make-topic.ts'

export function recordDeletionConformance({ make, test }: EngineUnderTest): void {
  test('what is before the offset is gone at once, the rest stays where it is', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    await publish(engine, 'orders', { 0: ['a', 'b', 'c', 'd'], 1: ['x'] })
    assert.deepEqual(await engine.topics.deleteRecords('orders', 0, 2), { logStartOffset: 2, highWatermark: 4 })
    const gone = await readFrom(engine, { topic: 'orders', partition: 0, offset: 1 })
    assert.equal(gone.error?.code, 'OFFSET_OUT_OF_RANGE')
    assert.equal(gone.error.status, 410)
    assert.equal(gone.logStartOffset, 2)
    assert.deepEqual(valuesOf(await readFrom(engine, { topic: 'orders', partition: 0, offset: 2 }), 2), ['c', 'd'])
    assert.deepEqual(valuesOf(await readFrom(engine, { topic: 'orders', partition: 1, offset: 0 })), ['x'])
    const [earliest] = await engine.listOffsets([{ topic: 'orders', partition: 0, at: 'earliest' }])
    assert.equal(earliest?.offset, 2)
    const [byTime] = await engine.listOffsets([{ topic: 'orders', partition: 0, at: 0 }])
    assert.equal(byTime?.offset, 2)
  })

  test('an offset that is gone already changes nothing, and the whole log can go', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 1)
    await publish(engine, 'orders', { 0: ['a', 'b', 'c'] })
    await engine.topics.deleteRecords('orders', 0, 2)
    assert.deepEqual(await engine.topics.deleteRecords('orders', 0, 1), { logStartOffset: 2, highWatermark: 3 })
    assert.deepEqual(await engine.topics.deleteRecords('orders', 0, 'latest'), { logStartOffset: 3, highWatermark: 3 })
    assert.deepEqual(valuesOf(await readFrom(engine, { topic: 'orders', partition: 0, offset: 3 }), 3), [])
    // Offsets go on where they were.
    const { parts } = await publish(engine, 'orders', { 0: ['d'] })
    assert.equal(parts[0]?.baseOffset, 3)
    assert.deepEqual(valuesOf(await readFrom(engine, { topic: 'orders', partition: 0, offset: 3 }), 3), ['d'])
  })

  test('beyond the end, of another partition or another topic nothing is deleted', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 1)
    await publish(engine, 'orders', { 0: ['a'] })
    await assert.rejects(engine.topics.deleteRecords('orders', 0, 2), (error) => {
      const detail =
        'Records before offset 2 of partition 0 of "orders" cannot be deleted: the log ends at 1. Give at most that offset, or "latest".'
      assert.equal(error instanceof Error && error.message, detail)
      const told = { facts: { logStartOffset: 0, highWatermark: 1 }, errors: [{ pointer: '?beforeOffset', detail }] }
      return brokerError('OFFSET_OUT_OF_RANGE', told)(error)
    })
    await assert.rejects(engine.topics.deleteRecords('orders', 1, 0), brokerError('UNKNOWN_TOPIC_OR_PARTITION'))
    await assert.rejects(engine.topics.deleteRecords('nowhere', 0, 0), brokerError('UNKNOWN_TOPIC_OR_PARTITION'))
    assert.deepEqual(valuesOf(await readFrom(engine, { topic: 'orders', partition: 0, offset: 0 })), ['a'])
  })
}

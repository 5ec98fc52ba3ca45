import assert from 'node:assert/strict'
import type { Engine, ReadResult } from '../../src/broker/engine.ts'
import { brokerError, publish, valuesOf } from '../support/engine-records.ts'
import type { EngineUnderTest } from './engine-under-test.ts'
import { makeTopic } from './make-topic.ts'

const LONG_MS = 60_000

function wait(engine: Engine, partitions: readonly number[], options: { waitMs?: number; signal?: AbortSignal } = {}) {
  const positions = partitions.map((partition) => ({ topic: 'orders', partition, offset: 0 }))
  return engine.read({ positions, maxBytes: 10_000, waitMs: LONG_MS, ...options })
}

const values = ({ partitions }: ReadResult): string[][] => partitions.map((read) => valuesOf(read))

/** Lets everything that is ready run, so that reads come to wait. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
}

export function waitConformance({ make, test }: EngineUnderTest): void {
  test('a read that waits is answered by the record that comes', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 3)
    const waiting = wait(engine, [0, 1, 2])
    await settle()
    await publish(engine, 'orders', { 1: ['here'] })
    assert.deepEqual(values(await waiting), [[], ['here'], []])
  })

  test('a record that was there before is not waited for', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    await publish(engine, 'orders', { 0: ['a'] })
    assert.deepEqual(values(await wait(engine, [0, 1])), [['a'], []])
  })

  test('no record is missed between the look and the wait', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders')
    for (let offset = 0; offset < 50; offset++) {
      const positions = [{ topic: 'orders', partition: 0, offset }]
      const [read] = await Promise.all([
        engine.read({ positions, maxBytes: 10_000, waitMs: LONG_MS }),
        publish(engine, 'orders', { 0: [`v${offset}`] }),
      ])
      assert.deepEqual(valuesOf(read.partitions[0], offset), [`v${offset}`])
    }
  })

  test('a wait ends empty when its time is over', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    assert.deepEqual(values(await wait(engine, [0, 1], { waitMs: 30 })), [[], []])
  })

  test('an abort ends the wait, also one that came before', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders')
    const controller = new AbortController()
    const waiting = wait(engine, [0], { signal: controller.signal })
    await settle()
    controller.abort()
    assert.deepEqual(values(await waiting), [[]])
    assert.deepEqual(values(await wait(engine, [0], { signal: controller.signal })), [[]])
  })

  test('the deletion of the topic ends the wait with an error', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    const waiting = wait(engine, [0, 1])
    await settle()
    await engine.topics.delete('orders')
    const { partitions } = await waiting
    brokerError('UNKNOWN_TOPIC_OR_PARTITION')(partitions[0]?.error)
  })

  test('more waits than allowed are refused, and make room when they end', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders')
    const controller = new AbortController()
    const waiting = Array.from({ length: 3 }, () => wait(engine, [0], { signal: controller.signal }))
    await settle()
    await assert.rejects(wait(engine, [0]), brokerError('SERVER_OVERLOADED', { retryAfterSeconds: 1 }))
    assert.deepEqual(values(await wait(engine, [0], { waitMs: 0 })), [[]])
    controller.abort()
    await Promise.all(waiting)
    assert.deepEqual(values(await wait(engine, [0], { waitMs: 10 })), [[]])
  })
}

import assert from 'node:assert/strict'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { brokerError, publish, valuesOf } from '../support/engine-records.ts'
import type { EngineUnderTest } from './engine-under-test.ts'
import { makeTopic } from './make-topic.ts'

export function closeConformance({ make, test }: EngineUnderTest): void {
  test('appends under way are finished or refused, waits end at once, later calls are refused', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    const appends = Array.from({ length: 20 }, (_, index) => publish(engine, 'orders', { 0: [`v${index}`] }))
    const positions = [{ topic: 'orders', partition: 1, offset: 0 }]
    const waiting = engine.read({ positions, maxBytes: 1000, waitMs: 600_000 })
    await new Promise((resolve) => setImmediate(resolve))
    const closing = engine.close()
    const refused = brokerError('SERVER_STOPPING', { stored: 'no' })
    await assert.rejects(publish(engine, 'orders', { 0: ['late'] }), refused)
    await assert.rejects(makeTopic(engine, 'late'), brokerError('SERVER_STOPPING'))
    const { partitions } = await waiting
    assert.deepEqual(valuesOf(partitions[0]), [])
    for (const result of await Promise.allSettled(appends)) {
      if (result.status === 'rejected') {
        assert.ok(result.reason instanceof BrokerError)
        assert.equal(result.reason.options.stored, 'no')
      }
    }
    await closing
    await engine.close()
    await assert.rejects(engine.read({ positions, maxBytes: 1000, waitMs: 0 }), brokerError('SERVER_STOPPING'))
  })
}

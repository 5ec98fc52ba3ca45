import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openEmbeddedEngine } from '../support/embedded-engine.ts'
import { batchOf } from '../support/engine-records.ts'

test('a topic can be made again the moment its name is free, while its files are still going', async (t) => {
  const engine = await openEmbeddedEngine(t)
  const topic = { name: 'orders', partitionCount: 4, configs: new Map<string, string>() }
  for (let round = 0; round < 10; round++) {
    await engine.topics.create(topic)
    const parts = [0, 1, 2, 3].map((partition) => ({ partition, batches: [batchOf(['x'.repeat(200_000)])] }))
    const publishing = engine.append({ topic: 'orders', parts, acks: 'all' }).catch(() => undefined)
    const deletion = engine.topics.delete('orders')
    while (engine.topics.find('orders')) await new Promise((resolve) => setImmediate(resolve))
    await engine.topics.create(topic)
    assert.deepEqual(
      (await engine.topics.partitions('orders')).map(({ highWatermark }) => highWatermark),
      [0, 0, 0, 0],
    )
    await Promise.all([publishing, deletion])
    await engine.append({ topic: 'orders', parts: [{ partition: 0, batches: [batchOf(['new'])] }], acks: 'all' })
    await engine.topics.delete('orders')
  }
  assert.deepEqual(engine.troubles(), [])
})

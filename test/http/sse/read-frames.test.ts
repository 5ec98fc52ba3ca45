import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrokerServices, defaultBrokerSettings } from '../../../src/broker/broker-services.ts'
import { readFrames } from '../../../src/http/sse/read-frames.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { MemoryEngine } from '../../support/memory-engine.ts'
import { publishTexts } from './publish-texts.ts'

const PARTITIONS = 250
const formats = { keyFormat: 'auto', valueFormat: 'auto' } as const

test('a piece is small also where records are, and the ids of many partitions long', async () => {
  const clock = new FakeClock()
  const engine = new MemoryEngine(clock)
  const deps = { engine, kind: 'embedded', clusterId: 'memory-cluster', clock, random: () => 0.5 } as const
  const { topicStreams: streams, publish } = createBrokerServices(deps, defaultBrokerSettings)
  await engine.create({ name: 'orders', partitionCount: PARTITIONS, configs: new Map() })
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  for (const partition of partitions) await publishTexts(publish, 'orders', partition, 20, 4)
  let stand = await streams.start({ topic: 'orders', from: 'earliest' })
  for (let total = 0; total < PARTITIONS * 20;) {
    const { page, frames } = await readFrames(streams, 'orders', stand, formats)
    const bytes = frames.finish()
    assert.ok(bytes.length < 500_000, `${bytes.length} bytes at once`)
    const count = bytes.toString().split('data: ').length - 1
    assert.ok(count > 0)
    total += count
    stand = page.cursor
  }
})

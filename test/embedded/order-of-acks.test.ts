import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeTopic } from '../conformance/make-topic.ts'
import { openEmbeddedEngine } from '../support/embedded-engine.ts'
import { allValues, publish } from '../support/engine-records.ts'

test('what is published one behind the other keeps its order, whatever its acks', async (t) => {
  const engine = await openEmbeddedEngine(t)
  await makeTopic(engine, 'orders')
  const acks = ['0', 'all', '1', '0', '1', 'all', '0', '0', 'all'] as const
  for (const [round, each] of acks.entries()) await publish(engine, 'orders', { 0: [String(round)] }, each)
  assert.deepEqual(await allValues(engine, 'orders', 0), [...acks.keys()].map(String))
})

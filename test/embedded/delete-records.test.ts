import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EmbeddedEngine } from '../../src/embedded/embedded-engine.ts'
import { makeTopic } from '../conformance/make-topic.ts'
import { embeddedOptions, openEmbeddedEngine } from '../support/embedded-engine.ts'
import { brokerError, publish, readFrom, valuesOf } from '../support/engine-records.ts'
import { tempDirectory } from '../support/temp-directory.ts'

test('deleted records do not come back with a restart', async (t) => {
  const logDirs = [tempDirectory(t)]
  const first = await EmbeddedEngine.open(embeddedOptions(t, { logDirs }))
  await makeTopic(first, 'orders', 2)
  await publish(first, 'orders', { 0: ['a', 'b', 'c'], 1: ['x', 'y'] })
  await first.topics.deleteRecords('orders', 0, 2)
  await first.topics.deleteRecords('orders', 1, 'latest')
  await first.close()
  const second = await openEmbeddedEngine(t, { logDirs })
  const [zero, one] = await second.topics.partitions('orders')
  assert.deepEqual([zero?.logStartOffset, zero?.highWatermark], [2, 3])
  assert.deepEqual([one?.logStartOffset, one?.highWatermark], [2, 2])
  assert.deepEqual(valuesOf(await readFrom(second, { topic: 'orders', partition: 0, offset: 2 }), 2), ['c'])
})

test('several deletions at the same time leave the furthest', async (t) => {
  const engine = await openEmbeddedEngine(t)
  await makeTopic(engine, 'orders', 1)
  await publish(engine, 'orders', { 0: ['a', 'b', 'c', 'd', 'e'] })
  await Promise.all([3, 1, 4, 2].map((offset) => engine.topics.deleteRecords('orders', 0, offset)))
  const [partition] = await engine.topics.partitions('orders')
  assert.equal(partition?.logStartOffset, 4)
})

test('a server that stops deletes nothing any more', async (t) => {
  const engine = await openEmbeddedEngine(t)
  await makeTopic(engine, 'orders', 1)
  await publish(engine, 'orders', { 0: ['a'] })
  const closing = engine.close()
  await assert.rejects(engine.topics.deleteRecords('orders', 0, 1), brokerError('SERVER_STOPPING'))
  await closing
})

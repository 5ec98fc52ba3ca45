import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { lookUpTopic } from '../../src/broker/topic-lookup.ts'
import type { KafkaEngine } from '../../src/kafka/kafka-engine.ts'
import { brokerError } from '../support/engine-records.ts'
import { startKafkaCluster } from '../support/kafka-cluster.ts'
import { openKafkaEngine } from '../support/kafka-engine.ts'
import { missingForKafkaTools } from '../support/kafka-tools.ts'

/** Gateways in front of Apache Kafka itself: what others do behind their back, and a cluster that is away. */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)
const options = { skip: missing ?? false, timeout: 120_000 }

test('what one gateway does to topics, the other one finds', options, async (t) => {
  const cluster = await startKafkaCluster(t, { nodeCount: 1 })
  const one = await openKafkaEngine(t, cluster.bootstrapServers)
  const other = await openKafkaEngine(t, cluster.bootstrapServers)
  const made = await one.topics.create({
    name: 'orders',
    partitionCount: 2,
    configs: new Map([['segment.ms', '9000']]),
  })
  assert.deepEqual(await lookUpTopic(other, 'orders'), made)
  await one.topics.addPartitions('orders', 4)
  assert.equal((await lookUpTopic(other, 'orders', { partition: 3 })).partitionCount, 4)
  await one.topics.alterConfigs('orders', new Map([['segment.ms', '8000']]))
  await other.topics.refresh('orders')
  assert.equal(other.topics.find('orders')?.configs.get('segment.ms'), '8000')
  await one.topics.delete('orders')
  await other.topics.refresh()
  assert.equal(other.topics.find('orders'), undefined)
  const again = await one.topics.create({ name: 'orders', partitionCount: 1, configs: new Map() })
  assert.notEqual(again.topicId, made.topicId)
  assert.equal((await lookUpTopic(other, 'orders')).topicId, again.topicId)
  await assert.rejects(lookUpTopic(other, 'none'), brokerError('UNKNOWN_TOPIC_OR_PARTITION'))
  const three = await openKafkaEngine(t, cluster.bootstrapServers, ['default.replication.factor=3'])
  await assert.rejects(
    three.topics.create({ name: 'spread', partitionCount: 1, configs: new Map() }),
    brokerError('INVALID_REPLICATION_FACTOR'),
  )
  assert.equal((await one.cluster()).clusterId, (await other.cluster()).clusterId)
  const [logDir] = await one.logDirs()
  assert.match(logDir?.path ?? '', /^1:\//)
})

test('a cluster that is away is told of within two seconds, and used again when it is back', options, async (t) => {
  const cluster = await startKafkaCluster(t, { nodeCount: 1 })
  const engine = await openKafkaEngine(t, cluster.bootstrapServers, ['request.timeout.ms=5000'])
  await engine.topics.create({ name: 'orders', partitionCount: 1, configs: new Map() })
  const node = cluster.node(1)
  for (const away of ['hung', 'dead'] as const) {
    if (away === 'hung') node.pause()
    else await node.kill9()
    assert.ok((await millisecondsUntil(() => isUnreachable(engine))) <= 2000, away)
    assert.equal(engine.troubles()[0]?.notReady, true)
    // What is known is still told.
    assert.equal(engine.topics.find('orders')?.partitionCount, 1)
    const refused = /BROKER_NOT_AVAILABLE|NETWORK_EXCEPTION/
    await assert.rejects(engine.topics.create({ name: away, partitionCount: 1, configs: new Map() }), {
      code: refused,
    })
    if (away === 'hung') node.resume()
    else await node.start()
    await millisecondsUntil(() => !isUnreachable(engine))
    await engine.topics.create({ name: `${away}-no-more`, partitionCount: 1, configs: new Map() })
  }
})

test('a cluster that hangs stays unreachable while clients go on asking for it', options, async (t) => {
  const cluster = await startKafkaCluster(t, { nodeCount: 1 })
  const engine = await openKafkaEngine(t, cluster.bootstrapServers)
  await engine.topics.create({ name: 'orders', partitionCount: 1, configs: new Map() })
  const node = cluster.node(1)
  t.after(() => node.resume())
  node.pause()
  await millisecondsUntil(() => isUnreachable(engine))
  const asked = [
    engine.read({ positions: [{ topic: 'orders', partition: 0, offset: 0 }], maxBytes: 1000, waitMs: 0 }),
    engine.topics.refresh('orders'),
    engine.topics.create({ name: 'more', partitionCount: 1, configs: new Map() }),
    engine.listOffsets([{ topic: 'orders', partition: 0, at: 'latest' }]),
  ]
  let sawItBack = false
  const asking = Promise.allSettled(asked)
  const isOver = asking.then(() => true)
  while (!(await Promise.race([isOver, delay(20, false)]))) sawItBack ||= !isUnreachable(engine)
  assert.equal(sawItBack, false)
  node.resume()
  await millisecondsUntil(() => !isUnreachable(engine))
})

function isUnreachable(engine: KafkaEngine): boolean {
  return engine.troubles().some(({ kind }) => kind === 'cluster-unreachable')
}

async function millisecondsUntil(isSo: () => boolean): Promise<number> {
  const start = performance.now()
  while (!isSo()) await delay(20)
  return performance.now() - start
}

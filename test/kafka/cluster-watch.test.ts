import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { silentLogger } from '../../src/broker/logger.ts'
import type { ClusterNode } from '../../src/kafka/cluster-metadata.ts'
import { ClusterWatch, type WatchedCluster } from '../../src/kafka/cluster-watch.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** Whoever is asked tells of these nodes; on connections of their own they do not answer. */
function clusterOf(nodes: Map<number, ClusterNode>, clock: FakeClock) {
  const options: WatchedCluster['options'] = {
    bootstrapServers: [{ host: 'kafka', port: 9092 }],
    clientId: 'test',
    requestTimeoutMs: 1000,
    apiTimeoutMs: 1000,
    deliveryTimeoutMs: 1000,
    retryBackoffMs: 100,
    retryBackoffMaxMs: 1000,
    metadataMaxAgeMs: 300_000,
    clock,
    logger: silentLogger,
    random: () => 0,
  }
  const known = { clusterId: '', controllerId: -1, topics: new Map(), topicsById: new Map() }
  return {
    options,
    reachable: true,
    lastAnswerAt: clock.monotonic(),
    metadata: { ...known, nodes: new Map(nodes) },
    stopping: new AbortController().signal,
    async connectionTo(): Promise<never> {
      throw new BrokerError('BROKER_NOT_AVAILABLE', 'It does not answer.')
    },
    async refresh(): Promise<void> {
      this.metadata = { ...known, nodes: new Map(nodes) }
      this.answered()
    },
    answered(): void {
      this.lastAnswerAt = clock.monotonic()
    },
  }
}

async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    clock.advance(100)
    for (let turn = 0; turn < 3; turn++) await setImmediate()
  }
}

test('a cluster that tells of no nodes is not there, until it tells of some', async () => {
  const clock = new FakeClock()
  const nodes = new Map<number, ClusterNode>()
  const cluster = clusterOf(nodes, clock)
  const watch = new ClusterWatch(cluster)
  watch.start()
  await pass(clock, 3000)
  assert.equal(cluster.reachable, false)
  assert.match(watch.troubles()[0]?.detail ?? '', /knows of no node/)
  nodes.set(1, { nodeId: 1, host: 'kafka', port: 9092 })
  for (let step = 0; step < 20; step++) {
    await pass(clock, 100)
    // What others ask is answered now.
    cluster.answered()
  }
  assert.deepEqual([cluster.reachable, watch.troubles()], [true, []])
  watch.stop()
  assert.equal(clock.pendingTimers, 0)
})

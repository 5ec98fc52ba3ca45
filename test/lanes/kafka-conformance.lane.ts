import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { engineConformance } from '../conformance/engine-conformance.ts'
import { kafkaDifferences } from '../conformance/kafka-differences.ts'
import { testsBut } from '../conformance/tests-but.ts'
import { emptyKafkaNode } from '../support/empty-kafka-node.ts'
import { KafkaCluster, keepLogsOfFailure } from '../support/kafka-cluster.ts'
import { openKafkaEngine } from '../support/kafka-engine.ts'
import { missingForKafkaTools } from '../support/kafka-tools.ts'

/** The contract of the port, held against a real Apache Kafka of one node that all tests share, one after the other. */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)

/** So that tests need not wait: topics go at once, and groups settle with the call that changes them. */
const settings = [
  'log.segment.delete.delay.ms=1000',
  'group.consumer.assignor.offload.enable=false',
  'group.consumer.min.assignment.interval.ms=0',
  'group.consumer.assignment.interval.ms=0',
  'group.consumer.min.heartbeat.interval.ms=500',
  'group.consumer.heartbeat.interval.ms=500',
]

describe('Kafka', { skip: missing ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-kafka-conformance-'))
  const { test: conformanceTest, unused } = testsBut(kafkaDifferences, 20_000)
  let cluster: KafkaCluster
  before(async () => {
    cluster = await KafkaCluster.start(folder, { nodeCount: 1, settings })
  })
  after(async () => {
    await cluster.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  engineConformance({
    name: 'Kafka engine',
    durability: 'replicated',
    // Transactions' markers take offsets, Kafka keeps topics of its own, and hears of changes and tells of them later.
    promises: { denseOffsets: false, emptyAtFirst: false, coordinatorIsHere: false },
    concurrency: 1,
    test: conformanceTest,
    async make(t) {
      keepLogsOfFailure(t, cluster)
      await emptyKafkaNode(cluster.node(1))
      return openKafkaEngine(t, cluster.bootstrapServers, ['fetch.waiting.max=3'])
    },
  })

  test('every difference that is told names a test', () => assert.deepEqual(unused(), []))
})

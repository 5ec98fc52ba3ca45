import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { freePorts } from '../support/free-ports.ts'
import { KafkaCluster, keepLogsOfFailure } from '../support/kafka-cluster.ts'
import { missingForKafkaTools } from '../support/kafka-tools.ts'
import { flights } from '../support/real-input.ts'
import { ServerProcess } from '../support/server-process.ts'
import { cleanUpBehind } from '../support/temp-directory.ts'
import { examplesShareTopic } from './groups/example-group.ts'
import { CrashingServer } from './real-input/crashing-server.ts'
import { publishAndConsumeThroughCrashes } from './real-input/main-job.ts'
import { startGateway } from '../support/gateway.ts'

/** The tests of the main job and of the examples, which the embedded engine has too, in front of Apache Kafka. */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)

const FLIGHTS = 60_000

describe('in front of Kafka', { skip: missing ?? false, timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-main-job-'))
  let cluster: KafkaCluster
  before(async () => {
    cluster = await KafkaCluster.start(folder, { nodeCount: 1 })
  })
  after(async () => {
    await cluster.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test(`${FLIGHTS} flights from 8 publishers survive a kill -9 of the gateway`, async (t) => {
    keepLogsOfFailure(t, cluster)
    const [port] = await freePorts(1)
    const settings = ['engine=kafka', `bootstrap.servers=${cluster.bootstrapServers}`, `port=${port}`]
    const server = new CrashingServer(() => ServerProcess.start({ settings }))
    cleanUpBehind(t, () => server.stop())
    const { unacknowledged, records } = await publishAndConsumeThroughCrashes({
      server,
      topic: 'flights',
      input: flights().slice(0, FLIGHTS),
      crashes: 1,
      durability: 'replicated',
      unacknowledged: 'whole in each partition',
    })
    t.diagnostic(`${records} records stored; ${unacknowledged} requests without acknowledgement`)
    assert.ok(unacknowledged > 0, 'the kill came too late')
  })

  test('consumer.ts shares its partitions with consumer.py, and both go on after the gateway was restarted', async (t) => {
    keepLogsOfFailure(t, cluster)
    const gateway = await startGateway(t, cluster.bootstrapServers)
    const server = {
      url: gateway.url,
      async restart() {
        await gateway.stop()
        await gateway.startAgain()
      },
      async crashAndStart() {
        await gateway.crash()
        await gateway.startAgain()
      },
    }
    await examplesShareTopic(t, { server, first: 'consumer.ts', second: 'consumer.py' })
  })
})

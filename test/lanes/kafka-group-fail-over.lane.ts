import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startGateway } from '../support/gateway.ts'
import { startKafkaCluster } from '../support/kafka-cluster.ts'
import { missingForKafkaTools } from '../support/kafka-tools.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { accountOf } from './groups/account.ts'
import { readJournals } from './groups/journal.ts'
import { GROUP, LiveGroup } from './groups/live-group.ts'
import { coordinatorOf } from './kafka/group-coordinator.ts'
import { RoundRobin } from './kafka/round-robin.ts'

/**
 * Members as processes of their own, served by two gateways in turn, while the group's coordinator and a gateway are killed
 * and members come, go, stall and take one another over. What each was told and got is held against the same account as
 * that of the embedded engine.
 */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)
const skip = missing ?? false

const PARTITIONS = 12
const RECORDS = 12_000
const PUBLISHING_MS = 20_000
const SESSION_TIMEOUT_MS = 5000
const MAX_POLL_INTERVAL_MS = 20_000

const settings = [
  'broker.session.timeout.ms=3000',
  'broker.heartbeat.interval.ms=500',
  `group.consumer.session.timeout.ms=${SESSION_TIMEOUT_MS}`,
  'group.consumer.min.session.timeout.ms=1000',
  'group.consumer.heartbeat.interval.ms=500',
  'group.consumer.min.heartbeat.interval.ms=500',
]

test(
  'a group outlives its coordinator and a gateway: no record is lost, no offset moves back',
  { skip, timeout: 180_000 },
  async (t) => {
    const cluster = await startKafkaCluster(t, { nodeCount: 3, settings })
    const gateways = [
      await startGateway(t, cluster.bootstrapServers),
      await startGateway(t, cluster.bootstrapServers),
    ] as const
    const balancer = await RoundRobin.start(
      t,
      gateways.map(({ url }) => url),
    )
    const journals = join(tempDirectory(t), 'journals')
    mkdirSync(journals)
    const group = new LiveGroup({ server: balancer, journals, maxPollIntervalMs: MAX_POLL_INTERVAL_MS })
    cleanUpBehind(t, () => group.endAll())
    await group.createTopic(PARTITIONS)
    const members = [group.join(), group.join(), group.join(), group.join({ memberId: 'first', instanceId: 'static' })]
    const publishing = group.publish(RECORDS, PUBLISHING_MS, 20)
    await group.until('four members with partitions', 30_000, async () => {
      const { state, members: seen } = await group.describe().catch(() => ({ state: '', members: [] }))
      return seen.length === 4 && state === 'Stable'
    })
    const [stalling, brief, , taken] = members
    assert.ok(stalling && brief && taken)

    const victim = await coordinatorOf(cluster, cluster.node(1), GROUP)
    const began = performance.now()
    await victim.kill9()
    const onlooker = cluster.nodes.find((node) => node !== victim)
    assert.ok(onlooker)
    await group.until('another coordinator', 30_000, async () => {
      await group.describe()
      return (await coordinatorOf(cluster, onlooker, GROUP)) !== victim
    })
    t.diagnostic(`the group was described by its next coordinator after ${(performance.now() - began).toFixed(0)} ms`)
    await group.kill9(brief)
    await gateways[0].crash()
    await group.kill9(taken)
    group.join({ memberId: 'second', instanceId: 'static' })
    const stalled = group.stall(stalling, SESSION_TIMEOUT_MS + 2500)
    await sleep(2000)
    await gateways[0].startAgain()
    await victim.start()
    await stalled
    assert.equal(await publishing, RECORDS)
    await group.until('everything is committed', 60_000, async () => (await group.lag()) === 0)
    await group.leaveAll()
    const { violations, ...figures } = accountOf(readJournals(journals), await group.logEnds(PARTITIONS))
    t.diagnostic(JSON.stringify(figures))
    assert.deepEqual(violations.slice(0, 20), [], `${violations.length} violations`)
    assert.ok(figures.delivered >= RECORDS)
  },
)

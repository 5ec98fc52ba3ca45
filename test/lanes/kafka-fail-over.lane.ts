import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type KafkaCluster, startKafkaCluster } from '../support/kafka-cluster.ts'
import { missingForKafkaTools } from '../support/kafka-tools.ts'
import { cleanUpBehind } from '../support/temp-directory.ts'
import { ExampleConsumer } from './groups/example-consumer.ts'
import { RoundRobin } from './kafka/round-robin.ts'
import { type LoggedRecord, SteadyPublisher, violationsOf } from './kafka/steady-publisher.ts'

/** Nodes of Kafka and gateways die under load: nothing acknowledged is lost, no order is broken, groups go on. */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)
const skip = missing ?? false

const TOPIC = 'orders'
const GROUP = 'auditors'
const PARTITIONS = 6
const PUBLISHERS = 8

/** A dead node is noticed sooner than by Kafka's defaults. */
const quick = ['broker.session.timeout.ms=3000', 'broker.heartbeat.interval.ms=500']

interface PartitionItem {
  readonly partition: number
  readonly leader: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly highWatermark: number
}

interface Page {
  readonly records: readonly LoggedRecord[]
  readonly nextOffset: number
  readonly upToDate: boolean
}

async function partitionsOf(gateway: Gateway): Promise<readonly PartitionItem[]> {
  return (await gateway.ask<{ items: PartitionItem[] }>(`/topics/${TOPIC}/partitions`)).items
}

async function until(what: string, condition: () => Promise<boolean> | boolean, forMs = 60_000): Promise<void> {
  const deadline = performance.now() + forMs
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `waited ${forMs} ms in vain: ${what}`)
    await sleep(100)
  }
}

async function readLog(gateway: Gateway): Promise<LoggedRecord[]> {
  const log: LoggedRecord[] = []
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (let offset = 0, upToDate = false; !upToDate;) {
      const query = `offset=${offset}&maxRecords=10000&maxBytes=8388608&format=string`
      const page = await gateway.ask<Page>(`/topics/${TOPIC}/partitions/${partition}/records?${query}`)
      log.push(...page.records)
      offset = page.nextOffset
      upToDate = page.upToDate
    }
  }
  return log
}

interface Load {
  readonly publishers: readonly SteadyPublisher[]
  readonly acknowledged: () => number
  /** Resolves when all is answered. */
  readonly end: () => Promise<void>
}

function startLoad(t: TestContext, url: (publisher: number) => string): Load {
  const stop = new AbortController()
  cleanUpBehind(t, () => stop.abort())
  const publishers = Array.from(
    { length: PUBLISHERS },
    (_, index) =>
      new SteadyPublisher({
        name: `publisher-${index}`,
        topic: TOPIC,
        recordsPerRequest: 50,
        keys: 4,
        url: () => url(index),
      }),
  )
  const running = Promise.all(publishers.map((publisher) => publisher.publishUntil(stop.signal)))
  running.catch(() => undefined)
  return {
    publishers,
    acknowledged: () => publishers.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0),
    async end() {
      stop.abort()
      await running
    },
  }
}

function figures({ publishers, acknowledged }: Load): string {
  const refusals = publishers.flatMap((publisher) =>
    [...publisher.refusals].map(([what, count]) => `${count} × ${what}`),
  )
  const longestMs = Math.max(...publishers.map((publisher) => publisher.longestMs))
  return `${acknowledged()} records acknowledged; the longest request took ${longestMs.toFixed(0)} ms; ${refusals.join('; ') || 'nothing refused'}`
}

/** More than that many acknowledged since now: the cluster works again. */
async function goesOn(load: Load): Promise<void> {
  const before = load.acknowledged()
  await until('records are acknowledged again', () => load.acknowledged() > before + 5000)
}

async function startExample(t: TestContext, url: string): Promise<ExampleConsumer> {
  const example = new ExampleConsumer('consumer.ts', url, GROUP, TOPIC)
  cleanUpBehind(t, () => example.kill9())
  await until('the member reads', () => example.reads)
  return example
}

async function assertAllIsRead(log: readonly LoggedRecord[], members: readonly ExampleConsumer[]): Promise<void> {
  const places = log.map(({ partition, offset }) => `${partition}/${offset}`)
  let unseen = places
  await until(
    'the group has read everything',
    () => {
      const seen = new Set(members.flatMap((member) => member.seen))
      unseen = places.filter((place) => !seen.has(place))
      return unseen.length === 0
    },
    60_000,
  ).catch((error: unknown) => assert.fail(`${String(error)}: ${unseen.length} unread, ${unseen.slice(0, 5).join(' ')}`))
}

async function leaderOf(gateway: Gateway, cluster: KafkaCluster, partition: number) {
  const leader = (await partitionsOf(gateway)).find((item) => item.partition === partition)?.leader ?? 0
  return cluster.node(leader)
}

test('nodes that die under load, one after the other, lose nothing', { skip, timeout: 240_000 }, async (t) => {
  const cluster = await startKafkaCluster(t, { nodeCount: 3, settings: quick })
  const gateway = await startGateway(t, cluster.bootstrapServers)
  await gateway.ask(`/topics/${TOPIC}`, 'PUT', { partitions: PARTITIONS })
  const replicas = (await partitionsOf(gateway)).map((item) => item.replicas.length)
  assert.deepEqual(replicas, Array(PARTITIONS).fill(3))
  const load = startLoad(t, () => gateway.url)
  const member = await startExample(t, gateway.url)
  for (let round = 0; round < 2; round++) {
    await goesOn(load)
    const victim = await leaderOf(gateway, cluster, round)
    await victim.kill9()
    await goesOn(load)
    await until('others lead', async () =>
      (await partitionsOf(gateway)).every(({ leader }) => leader !== victim.nodeId),
    )
    await victim.start()
    await until('all are in sync', async () => (await partitionsOf(gateway)).every(({ isr }) => isr.length === 3))
  }
  await load.end()
  t.diagnostic(figures(load))
  const log = await readLog(gateway)
  assert.deepEqual(violationsOf(load.publishers, log).slice(0, 10), [])
  await assertAllIsRead(log, [member])
  await member.stop()
})

test('a gateway that dies loses nothing, and its members go on at the other', { skip, timeout: 180_000 }, async (t) => {
  const cluster = await startKafkaCluster(t, { nodeCount: 1 })
  const gateways = [
    await startGateway(t, cluster.bootstrapServers),
    await startGateway(t, cluster.bootstrapServers),
  ] as const
  await gateways[0].ask(`/topics/${TOPIC}`, 'PUT', { partitions: PARTITIONS })
  const load = startLoad(t, (publisher) => gateways[publisher % 2 === 0 ? 0 : 1].url)
  const balancer = await RoundRobin.start(
    t,
    gateways.map(({ url }) => url),
  )
  const members = [await startExample(t, balancer.url), await startExample(t, balancer.url)]
  for (const gateway of gateways) {
    await goesOn(load)
    await gateway.crash()
    await goesOn(load)
    await gateway.startAgain()
  }
  await load.end()
  t.diagnostic(figures(load))
  const log = await readLog(gateways[1])
  assert.deepEqual(violationsOf(load.publishers, log).slice(0, 10), [])
  await assertAllIsRead(log, members)
  for (const member of members) await member.stop()
})

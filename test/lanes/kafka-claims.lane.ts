import { Connection, createAclsV3 } from '@platformatic/kafka'
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { BrokerError } from '../../src/broker/broker-error.ts'
import type { ErrorCode } from '../../src/broker/error-catalogue.ts'
import { publishWithClaim } from '../../src/broker/claim-lapsed.ts'
import { appendClaimed } from '../../src/broker/claimed-append.ts'
import type { Engine } from '../../src/broker/engine.ts'
import type { PublishIdentity } from '../../src/broker/publish-claim.ts'
import { makeTopic } from '../conformance/make-topic.ts'
import { batchSizeBytes, lastOffset } from '../../src/codec/record-batch.ts'
import { batchOf, readFrom, valuesOf } from '../support/engine-records.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { KafkaCluster, keepLogsOfFailure } from '../support/kafka-cluster.ts'
import { openKafkaEngine } from '../support/kafka-engine.ts'
import { missingForKafkaTools } from '../support/kafka-tools.ts'
import { mulberry32 } from '../support/mulberry32.ts'
import { startSecuredKafkaNode } from '../support/secured-kafka-node.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { RoundRobin } from './kafka/round-robin.ts'
import { AnswerAudit } from './publish/answer-audit.ts'
import { LogAudit } from './publish/log-audit.ts'
import { readLog } from './publish/read-log.ts'
import { RepeatingPublisher } from './publish/repeating-publisher.ts'
import { UnreliableProxy } from './publish/unreliable-proxy.ts'

/** Requests that are known again, whichever gateway gets them. */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)

/** A dead node is noticed sooner than by Kafka's defaults. */
const quick = ['broker.session.timeout.ms=3000', 'broker.heartbeat.interval.ms=500']
const folder = mkdtempSync(join(tmpdir(), 'posthorn-claims-'))
let cluster: KafkaCluster

before(async () => {
  if (missing === undefined) cluster = await KafkaCluster.start(folder, { nodeCount: 3, settings: quick })
})
after(async () => {
  if (missing === undefined) await cluster.stop()
  rmSync(folder, { recursive: true, force: true })
})

const fingerprint = Buffer.alloc(16, 1)

/** Also behind what readers pass over: the transactions that a gateway ended for the other one. */
async function valuesToTheEnd(engine: Engine): Promise<string[]> {
  const values: string[] = []
  for (let offset = 0; ;) {
    const read = await readFrom(engine, { topic: 'orders', partition: 0, offset })
    values.push(...valuesOf(read, offset))
    if (read.batches.length === 0) return values
    for (const buffer of read.batches) {
      for (let at = 0; at < buffer.length; at += batchSizeBytes(buffer, at)) offset = lastOffset(buffer, at) + 1
    }
  }
}

/** As a client does it: the same again while it is told to. Where the records are. */
async function publishUntilStored(
  engine: Engine,
  identity: PublishIdentity,
  text: string,
): Promise<number | undefined> {
  for (;;) {
    try {
      const { parts } = await publishWithClaim(
        () => engine.producers.claim('orders', identity),
        (claim) => appendClaimed(claim, () => [{ partition: 0, batches: [batchOf([text])] }], 'replicated'),
      )
      if (parts[0]?.error !== undefined) throw parts[0].error
      return parts[0]?.baseOffset
    } catch (error) {
      // Before its first request is there, a later one may be told that nobody knows the producer.
      const mayRepeat = error instanceof BrokerError && (error.retriable || error.code === 'UNKNOWN_PRODUCER_ID')
      if (!mayRepeat || error.code === 'SERVER_STOPPING') throw error
      await setTimeout(20)
    }
  }
}

test(
  'the same requests at two gateways at once, and at a third one later: stored once',
  { skip: missing ?? false, timeout: 120_000 },
  async (t) => {
    keepLogsOfFailure(t, cluster)
    const [one, two] = [
      await openKafkaEngine(t, cluster.bootstrapServers),
      await openKafkaEngine(t, cluster.bootstrapServers),
    ]
    await makeTopic(one, 'orders')
    await two.topics.refresh('orders')
    const identities = Array.from({ length: 12 }, (_, at): PublishIdentity => {
      if (at % 3 === 0) return { kind: 'key', key: `key-${at}`, fingerprint }
      return { kind: 'sequence', producerId: `meter-${at % 3}`, epoch: 0, sequence: Math.floor(at / 3), fingerprint }
    })
    const places = await Promise.all(
      identities.map((identity, at) =>
        Promise.all([one, two].map((engine) => publishUntilStored(engine, identity, `${at}`))),
      ),
    )
    for (const [first, second] of places) assert.equal(first, second)
    const values = await valuesToTheEnd(one)
    assert.deepEqual(values.toSorted(), identities.map((_, at) => `${at}`).toSorted())
    const later = await openKafkaEngine(t, cluster.bootstrapServers)
    for (const [at, identity] of identities.entries()) {
      const claim = await later.producers.claim('orders', identity)
      assert.deepEqual([claim.isComplete, claim.stored[0]?.baseOffset], [true, places[at]?.[0]])
    }
    assert.deepEqual(await later.producers.describe('orders', 'meter-1'), { epoch: 0, nextSequence: 4 })
  },
)

/** Lets alice do all there is to do with what begins like that. */
async function allow(address: string, resourceType: 2 | 5, resourceName: string): Promise<void> {
  const [host = '', port] = address.split(':')
  const connection = new Connection('test', {})
  await connection.connect(host, Number(port))
  const target = { resourceType, resourceName, resourcePatternType: 4 } as const
  const permission = { principal: 'User:alice', host: '*', operation: 2, permissionType: 3 } as const
  await createAclsV3.api.async(connection, [{ ...target, ...permission }])
  await connection.close()
}

test(
  'where the cluster forbids transactions or their topics, requests with an identity are 501, and stored nowhere',
  { skip: missing ?? false, timeout: 120_000 },
  async (t) => {
    const kafka = await startSecuredKafkaNode(tempDirectory(t))
    cleanUpBehind(t, () => kafka.node.stop())
    const { address } = kafka.node
    const admin = await openKafkaEngine(t, address)
    await makeTopic(admin, 'orders')
    await allow(address, 2, 'orders')
    const login = 'x.LoginModule required username="alice" password="alice secret";'
    const settings = ['security.protocol=SASL_PLAINTEXT', 'sasl.mechanism=PLAIN', `sasl.jaas.config=${login}`]
    const alice = await openKafkaEngine(t, kafka.saslPlaintext, settings)
    await untilAllowed(() => alice.topics.refresh('orders'), ['TOPIC_AUTHORIZATION_FAILED'])
    const identities = [
      { kind: 'sequence', producerId: 'meter', epoch: 0, sequence: 0, fingerprint },
      { kind: 'key', key: 'one', fingerprint },
    ] as const
    for (const allowNext of [() => allow(address, 2, '__posthorn_'), () => allow(address, 5, 'posthorn-')]) {
      for (const identity of identities) {
        const claim = async () => alice.producers.claim('orders', identity)
        await assert.rejects(claim(), (error) => {
          assert.ok(error instanceof BrokerError)
          assert.deepEqual([error.status, error.options.stored, error.retriable], [501, 'no', false])
          assert.match(error.message, /posthorn-/)
          return true
        })
      }
      await allowNext()
    }
    assert.deepEqual(await valuesToTheEnd(admin), [])
    for (const [at, identity] of identities.entries()) {
      await untilAllowed(() => publishUntilStored(alice, identity, `${at}`), ['UNSUPPORTED_VERSION'])
    }
    assert.deepEqual(await valuesToTheEnd(admin), ['0', '1'])
  },
)

/** The broker's rules change a moment after they were changed. */
async function untilAllowed(work: () => Promise<unknown>, codes: readonly ErrorCode[]): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await work()
      return
    } catch (error) {
      if (!(error instanceof BrokerError) || !codes.includes(error.code) || tries > 100) throw error
      await setTimeout(50)
    }
  }
}

const PARTITIONS = 6
const RECORDS = 1500
const TOPIC = 'audited'

/** As bad as a network may be: answers are lost, and requests come twice, to two gateways at once. */
const unreliability = { droppedReplies: 0.05, sentTwice: 0.05, cutBodies: 0.01 }

function publishersOf(count: number, keyed: number): RepeatingPublisher[] {
  return Array.from({ length: count }, (_, index) => {
    const kind = index < keyed ? 'key' : 'sequence'
    return new RepeatingPublisher({
      name: `${kind}-${index}`,
      kind,
      topic: TOPIC,
      records: RECORDS,
      partitions: PARTITIONS,
      window: 5,
      durability: 'replicated',
    })
  })
}

async function unreliableBalancer(t: TestContext, gateways: readonly Gateway[], answers: AnswerAudit) {
  const balancer = await RoundRobin.start(
    t,
    gateways.map(({ url }) => url),
  )
  const hooks = { answered: answers.take.bind(answers) }
  const proxy = await UnreliableProxy.start(balancer.url, unreliability, mulberry32(8), hooks)
  cleanUpBehind(t, () => proxy.stop())
  return proxy
}

/**
 * The last five of each publisher are known at each gateway, and told as they were the first time, also where the gateway has
 * not looked since another one stored for the publisher.
 */
async function repeatTheLast(gateways: readonly Gateway[], publishers: readonly RepeatingPublisher[]): Promise<void> {
  for (const { url } of gateways) {
    for (const publisher of publishers) {
      const { length } = publisher.requests
      for (let turn = length - 5; turn < length; turn++) await publisher.repeat(url, turn)
    }
  }
}

test(
  'a node and the gateways die while publishers repeat what was not acknowledged: each record is there once, in order',
  { skip: missing ?? false, timeout: 180_000 },
  async (t) => {
    keepLogsOfFailure(t, cluster)
    const gateways = [
      await startGateway(t, cluster.bootstrapServers),
      await startGateway(t, cluster.bootstrapServers),
    ] as const
    await gateways[0].ask(`/topics/${TOPIC}`, 'PUT', { partitions: PARTITIONS })
    const answers = new AnswerAudit()
    const proxy = await unreliableBalancer(t, gateways, answers)
    const publishers = publishersOf(8, 2)
    const ended = new AbortController()
    const publishing = Promise.all(publishers.map((one) => one.publishAll(proxy.url, ended.signal)))
    publishing.catch(() => undefined)
    cleanUpBehind(t, () => ended.abort())
    const acknowledged = async (share: number): Promise<void> => {
      const records = (): number => publishers.reduce((sum, publisher) => sum + publisher.acknowledgedRecords, 0)
      const waiting = new AbortController()
      const all = publishing.finally(() => waiting.abort())
      while (records() < share * RECORDS * publishers.length && !waiting.signal.aborted) await setTimeout(20)
      if (waiting.signal.aborted) await all
    }
    await acknowledged(0.2)
    // Of four partitions of transactions it leads one at least.
    const [victim] = cluster.nodes
    await victim?.kill9()
    await acknowledged(0.5)
    await gateways[0].crash()
    await acknowledged(0.6)
    await gateways[0].startAgain()
    await victim?.start()
    await acknowledged(0.8)
    await gateways[1].crash()
    await publishing
    await gateways[1].startAgain()
    const audit = new LogAudit(publishers, PARTITIONS, true)
    await readLog(gateways[0].url, TOPIC, PARTITIONS, (record) => audit.take(record))
    const violations = [...audit.finish(), ...answers.violations]
    assert.deepEqual(violations.slice(0, 20), [], `${violations.length} violations`)
    const { duplicates, refusals } = answers
    const repeats = publishers.reduce((sum, publisher) => sum + publisher.repeats, 0)
    t.diagnostic(JSON.stringify({ ...proxy.counts, repeats, duplicates, ...refusals }))
    assert.ok(proxy.counts.dropped > 5 && proxy.counts.twice > 5 && duplicates > 5, 'hardly anything happened')
    await repeatTheLast(gateways, publishers)
    for (const { name, ordered, requests } of publishers) {
      if (!ordered) continue
      const producer = await gateways[1].ask(`/topics/${TOPIC}/producers/${name}`)
      assert.deepEqual(producer, { epoch: 0, nextSequence: requests.length }, name)
    }
  },
)

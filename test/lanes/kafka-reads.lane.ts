import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, describe, test, type TestContext } from 'node:test'
import { Admin, Producer, stringSerializers } from '@platformatic/kafka'
import { systemClock } from '../../src/broker/clock.ts'
import type { Engine, ReadPosition } from '../../src/broker/engine.ts'
import { PageReader, type PageProgress } from '../../src/broker/page-reader.ts'
import { brokerError, publish, readFrom, recordsOf, valuesOf } from '../support/engine-records.ts'
import { KafkaCluster, keepLogsOfFailure } from '../support/kafka-cluster.ts'
import { openKafkaEngine } from '../support/kafka-engine.ts'
import { missingForKafkaTools } from '../support/kafka-tools.ts'
import { cleanUpBehind } from '../support/temp-directory.ts'

/** What only a real cluster does to readers: transactions, markers, leaders that move, topics that others change. */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)

const LONG_MS = 30_000

interface Page extends PageProgress {
  readonly values: readonly string[]
}

async function page(engine: Engine, position: ReadPosition, waitMs = 0): Promise<Page> {
  const values: string[] = []
  const limits = { maxRecords: 1000, maxBytes: 1024 * 1024, waitMs }
  const [progress] = await new PageReader(engine, systemClock).read([position], limits, {
    records(_topic, _partition, { bytes, count, valueStart, valueEnd }) {
      for (let i = 0; i < count; i++) values.push(bytes.toString('utf8', valueStart[i], valueEnd[i]))
    },
  })
  assert.ok(progress)
  return { ...progress, values }
}

function nativeProducer(t: TestContext, servers: string, transactionalId?: string) {
  const producer = new Producer({
    clientId: 'native',
    bootstrapBrokers: servers.split(','),
    serializers: stringSerializers,
    ...(transactionalId !== undefined && { transactionalId, idempotent: true }),
  })
  cleanUpBehind(t, () => producer.close())
  return producer
}

const one = (topic: string, partition: number, value: string) => ({ acks: -1, messages: [{ topic, partition, value }] })

async function nativeTopic(t: TestContext, servers: string, name: string, partitions = 1): Promise<Admin> {
  const admin = new Admin({ clientId: 'native', bootstrapBrokers: servers.split(',') })
  cleanUpBehind(t, () => admin.close())
  await admin.createTopics({ topics: [name], partitions })
  return admin
}

describe('reads of one node', { skip: missing ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-kafka-reads-'))
  let cluster: KafkaCluster
  let servers: string
  before(async () => {
    cluster = await KafkaCluster.start(folder, { nodeCount: 1 })
    servers = cluster.bootstrapServers
  })
  after(async () => {
    await cluster.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('only committed records are seen, in order, up to the first open transaction', async (t) => {
    keepLogsOfFailure(t, cluster)
    await nativeTopic(t, servers, 'ledger')
    const engine = await openKafkaEngine(t, servers)
    const plain = nativeProducer(t, servers)
    const transactional = nativeProducer(t, servers, 'ledger-writer')
    const from = (offset: number) => ({ topic: 'ledger', partition: 0, offset })

    await plain.send(one('ledger', 0, 'plain 0'))
    const aborted = await transactional.beginTransaction()
    await aborted.send(one('ledger', 0, 'aborted 1'))
    await plain.send(one('ledger', 0, 'plain 2'))
    const open = await page(engine, from(0))
    assert.deepEqual([open.values, open.nextOffset, open.highWatermark], [['plain 0'], 1, 1])
    const [end] = await engine.listOffsets([{ topic: 'ledger', partition: 0, at: 'latest' }])
    assert.equal(end?.offset, 1)
    const waiting = page(engine, from(1), LONG_MS)
    await aborted.abort()
    const behind = await waiting
    assert.deepEqual([behind.values, behind.nextOffset], [['plain 2'], 4])

    const committed = await transactional.beginTransaction()
    await committed.send(one('ledger', 0, 'committed 4'))
    const waitingForCommit = page(engine, from(4), LONG_MS)
    await committed.commit()
    const told = await waitingForCommit
    assert.deepEqual([told.values, told.nextOffset, told.highWatermark], [['committed 4'], 6, 6])
    assert.deepEqual((await page(engine, from(0))).values, ['plain 0', 'plain 2', 'committed 4'])

    const again = await transactional.beginTransaction()
    await again.send(one('ledger', 0, 'aborted 6'))
    const passing = page(engine, from(6), 500)
    await again.abort()
    const passed = await passing
    assert.deepEqual([passed.values, passed.nextOffset], [[], 8], 'nothing to be seen is no end of the wait')
  })

  test('a thousand idle reads over a hundred partitions need no more connections than one', async (t) => {
    keepLogsOfFailure(t, cluster)
    await nativeTopic(t, servers, 'wide', 100)
    const engine = await openKafkaEngine(t, servers)
    const producer = nativeProducer(t, servers)
    await producer.send(one('wide', 0, 'before'))
    const at = (partition: number) => ({ topic: 'wide', partition, offset: partition === 0 ? 1 : 0 })
    const all = Array.from({ length: 100 }, (_, partition) => at(partition))
    const stop = new AbortController()
    const read = (positions: readonly ReadPosition[]) =>
      engine.read({ positions, maxBytes: 10_000, waitMs: LONG_MS, signal: stop.signal })
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length

    const first = read([at(1)])
    await new Promise((resolve) => setTimeout(resolve, 200))
    const openBefore = sockets()
    const waiting = Array.from({ length: 1000 }, (_, index) => read(index % 2 === 0 ? [at(index % 100)] : all))
    await new Promise((resolve) => setTimeout(resolve, 1000))
    assert.equal(sockets(), openBefore)
    await producer.send(one('wide', 8, 'for many'))
    const woken = await Promise.all(waiting.filter((_, index) => index % 2 === 1 || index % 100 === 8))
    for (const { partitions } of woken) {
      assert.deepEqual(valuesOf(partitions.find(({ partition }) => partition === 8)), ['for many'])
    }
    stop.abort()
    for (const { partitions } of await Promise.all([first, ...waiting])) {
      assert.ok(partitions.every(({ error }) => error === undefined))
    }
  })

  test('a topic that others delete, make again and widen', async (t) => {
    keepLogsOfFailure(t, cluster)
    const admin = await nativeTopic(t, servers, 'changed')
    const engine = await openKafkaEngine(t, servers)
    const producer = nativeProducer(t, servers)
    const position = { topic: 'changed', partition: 0, offset: 0 }
    const { topicId } = await readFrom(engine, position)
    assert.match(topicId, /^[\w-]{22}$/)
    const waiting = engine.read({ positions: [position], maxBytes: 1000, waitMs: LONG_MS })
    await admin.deleteTopics({ topics: ['changed'] })
    brokerError('UNKNOWN_TOPIC_OR_PARTITION')((await waiting).partitions[0]?.error)

    await admin.createTopics({ topics: ['changed'], partitions: 1 })
    await producer.send(one('changed', 0, 'new'))
    const old = await readFrom(engine, { ...position, topicId })
    brokerError('UNKNOWN_TOPIC_ID')(old.error)
    assert.deepEqual(valuesOf(await readFrom(engine, position)), ['new'])

    await admin.createPartitions({ topics: [{ name: 'changed', count: 2 }] })
    // The other one does not know that there is a partition 1.
    await nativeProducer(t, servers).send(one('changed', 1, 'wider'))
    assert.deepEqual(valuesOf(await readFrom(engine, { ...position, partition: 1 })), ['wider'])
  })

  test('records that others deleted are out of range, with the bounds', async (t) => {
    keepLogsOfFailure(t, cluster)
    const admin = await nativeTopic(t, servers, 'short')
    const engine = await openKafkaEngine(t, servers)
    const producer = nativeProducer(t, servers)
    for (const value of ['a', 'b', 'c']) await producer.send(one('short', 0, value))
    await admin.deleteRecords({ topics: [{ name: 'short', partitions: [{ partition: 0, offset: 2n }] }] })
    const gone = await readFrom(engine, { topic: 'short', partition: 0, offset: 0 })
    brokerError('OFFSET_OUT_OF_RANGE', { status: 410, facts: { logStartOffset: 2, highWatermark: 3 } })(gone.error)
    const beyond = await readFrom(engine, { topic: 'short', partition: 0, offset: 4 })
    brokerError('OFFSET_OUT_OF_RANGE', { status: 416 })(beyond.error)
    assert.deepEqual([beyond.logStartOffset, beyond.highWatermark], [2, 3])
    assert.deepEqual(valuesOf(await readFrom(engine, { topic: 'short', partition: 0, offset: 2 })), ['c'])
  })
})

describe('reads of three nodes', { skip: missing ?? false }, () => {
  test('a leader that dies holds readers up and loses them nothing', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'posthorn-kafka-reads-'))
    const cluster = await KafkaCluster.start(folder, {
      nodeCount: 3,
      settings: ['broker.session.timeout.ms=3000', 'broker.heartbeat.interval.ms=500'],
    })
    cleanUpBehind(t, async () => {
      await cluster.stop()
      rmSync(folder, { recursive: true, force: true })
    })
    keepLogsOfFailure(t, cluster)
    const servers = cluster.bootstrapServers
    await nativeTopic(t, servers, 'moving')
    const engine = await openKafkaEngine(t, servers, ['request.timeout.ms=5000'])
    const seen: string[] = []
    let offset = 0
    const follow = async (count: number): Promise<void> => {
      const until = systemClock.monotonic() + 60_000
      while (seen.length < count && systemClock.monotonic() < until) {
        const position = { topic: 'moving', partition: 0, offset }
        const { partitions } = await engine.read({ positions: [position], maxBytes: 10_000, waitMs: 2000 })
        const [read] = partitions
        if (read?.error !== undefined) assert.ok(read.error.retriable, read.error.message)
        else {
          const records = recordsOf(read, offset)
          for (const record of records) seen.push(record.value)
          offset = (records.at(-1)?.offset ?? offset - 1) + 1
        }
      }
    }
    const leader = async (): Promise<number> => (await engine.topics.partitions('moving'))[0]?.leader ?? -1
    const sendUntilStored = async (value: string): Promise<void> => {
      for (;;) {
        const stored = await publish(engine, 'moving', { 0: [value] }).then(
          ({ parts }) => parts[0]?.error,
          (error: unknown) => error,
        )
        if (stored === undefined) return
        t.diagnostic(stored instanceof Error ? stored.message : 'not stored')
      }
    }

    await sendUntilStored('first')
    await follow(1)
    const dead = cluster.node(await leader())
    const followed = follow(2)
    await dead.kill9()
    await sendUntilStored('second')
    await followed
    assert.equal(new Set(seen).size, 2)
    assert.deepEqual([...new Set(seen)], ['first', 'second'])
  })
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Admin } from '@platformatic/kafka'
import { freePorts } from '../support/free-ports.ts'
import { Gateway } from '../support/gateway.ts'
import { KafkaCluster, keepLogsOfFailure } from '../support/kafka-cluster.ts'
import { openKafkaEngine } from '../support/kafka-engine.ts'
import { missingForKafkaTools } from '../support/kafka-tools.ts'
import { cleanUpBehind } from '../support/temp-directory.ts'

/** What users of a gateway get where the cluster is not what they, or the gateway, took it for. */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)

interface Answer {
  readonly status: number
  readonly code?: string
  readonly detail?: string
  readonly stored?: string
  readonly retriable?: boolean
  readonly cursor?: string
  readonly partitions?: number
  readonly duplicate?: boolean
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
  readonly records?: readonly { readonly partition: number; readonly offset: number }[]
}

// Side by side: the first one waits for most of its time.
describe('what users get', { concurrency: 2 }, () => {
  describe('bootstrap.servers that are wrong', { skip: missing ?? false, timeout: 60_000 }, () => {
    test('stop the gateway within seconds, with the addresses and what was met there', async (t) => {
      const [closed = 0] = await freePorts(1)
      const mute = createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
      const http = createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'))
      http.listen(0, '127.0.0.1')
      await Promise.all([once(mute, 'listening'), once(http, 'listening')])
      cleanUpBehind(t, () => [mute, http].forEach((server) => server.close()))
      const portOf = (server: typeof mute): number => {
        const address = server.address()
        return typeof address === 'object' && address !== null ? address.port : 0
      }
      const wrong: readonly (readonly [servers: string, told: RegExp])[] = [
        [`127.0.0.1:${closed}`, /ECONNREFUSED/],
        ['kafka.invalid:9092,other.invalid:9092', /ENOTFOUND|EAI_AGAIN/],
        [`127.0.0.1:${portOf(mute)}`, /no answer within/],
        [`127.0.0.1:${portOf(http)}`, /No node of the cluster answers/],
      ]
      await Promise.all(
        wrong.map(async ([servers, told]) => {
          const began = performance.now()
          await assert.rejects(openKafkaEngine(t, servers), (error) => {
            assert.ok(error instanceof Error)
            t.diagnostic(error.message)
            assert.equal(error.name, 'StartupError')
            assert.ok(error.message.startsWith(`bootstrap.servers=${servers}: `), error.message)
            assert.match(error.message, told)
            return true
          })
          assert.ok(performance.now() - began < 15_000, servers)
        }),
      )
    })
  })

  describe('a cluster that others change', { skip: missing ?? false, timeout: 120_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'posthorn-bad-input-'))
    let cluster: KafkaCluster
    let gateway: Gateway
    let admin: Admin

    before(async () => {
      cluster = await KafkaCluster.start(folder, { nodeCount: 1, settings: ['log.segment.delete.delay.ms=1000'] })
      gateway = await Gateway.start(cluster.bootstrapServers, [
        'auto.create.topics.enable=false',
        'delivery.timeout.ms=5000',
        'default.replication.factor=1',
      ])
      admin = new Admin({ clientId: 'native', bootstrapBrokers: cluster.bootstrapServers.split(',') })
    })
    after(async () => {
      await admin.close()
      await gateway.stop()
      await cluster.stop()
      rmSync(folder, { recursive: true, force: true })
    })

    async function ask(path: string, method = 'GET', body?: object, more: object = {}): Promise<Answer> {
      const headers = { 'content-type': 'application/json', ...more }
      const sent = body === undefined ? {} : { headers, body: JSON.stringify(body) }
      const response = await fetch(`${gateway.url}${path}`, { method, ...sent })
      const text = await response.text()
      return { ...(text === '' ? {} : (JSON.parse(text) as object)), status: response.status }
    }

    function publish(topic: string, record: object, query = ''): Promise<Answer> {
      return ask(`/topics/${topic}/records${query}`, 'POST', { records: [record] })
    }

    /** Behind the gateway's back: it hears of it when it next looks. */
    async function alter(topic: string, name: string, value: string): Promise<void> {
      const configs = [{ name, configOperation: 0 as const, value }]
      await admin.incrementalAlterConfigs({
        resources: [{ resourceType: 2, resourceName: topic, configs }],
        validateOnly: false,
      })
    }

    function assertRefused(answer: Answer, status: number, code: string, detail: RegExp): void {
      assert.deepEqual([answer.status, answer.code], [status, code], answer.detail)
      assert.match(answer.detail ?? '', detail)
    }

    test('a topic that others deleted is 404, and one that they made again is another one', async (t) => {
      keepLogsOfFailure(t, cluster)
      await gateway.ask('/topics/gone', 'PUT', { partitions: 2 })
      assert.equal((await publish('gone', { value: 'a', partition: 0 })).status, 200)
      const { cursor } = await ask('/topics/gone/records')
      await admin.deleteTopics({ topics: ['gone'] })
      const began = performance.now()
      // The broker hears of it a moment later, and takes records until then.
      let refused = await publish('gone', { value: 'b', partition: 0 })
      while (refused.status === 200) refused = await publish('gone', { value: 'b', partition: 0 })
      assertRefused(refused, 404, 'UNKNOWN_TOPIC_OR_PARTITION', /topic "gone"/)
      assert.deepEqual([refused.stored, refused.retriable], ['no', false])
      assert.ok(performance.now() - began < 5000, 'long before delivery.timeout.ms')
      for (const path of ['/topics/gone', '/topics/gone/records', '/topics/gone/partitions/0/records?offset=0']) {
        assertRefused(await ask(path), 404, 'UNKNOWN_TOPIC_OR_PARTITION', /gone/)
      }
      assertRefused(await ask('/topics/gone', 'DELETE'), 404, 'UNKNOWN_TOPIC_OR_PARTITION', /gone/)

      await admin.createTopics({ topics: ['gone'], partitions: 2 })
      const old = await ask(`/topics/gone/records?cursor=${cursor}`)
      assertRefused(old, 404, 'UNKNOWN_TOPIC_ID', /topic "gone".*was deleted and created again.*without a cursor/)
      const again = await publish('gone', { value: 'c', partition: 0 })
      assert.deepEqual([again.status, again.records?.[0]?.offset], [200, 0])
    })

    test('a topic that is read and waited for while it goes ends the wait with 404', async (t) => {
      keepLogsOfFailure(t, cluster)
      await gateway.ask('/topics/going', 'PUT', { partitions: 1 })
      const began = performance.now()
      const waiting = ask('/topics/going/records?waitMs=20000')
      await ask('/topics/going')
      await admin.deleteTopics({ topics: ['going'] })
      assertRefused(await waiting, 404, 'UNKNOWN_TOPIC_OR_PARTITION', /going/)
      assert.ok(performance.now() - began < 15_000)
    })

    test('partitions that others added are published to and read', async (t) => {
      keepLogsOfFailure(t, cluster)
      await gateway.ask('/topics/widened', 'PUT', { partitions: 1 })
      const refused = await publish('widened', { value: 'a', partition: 3 })
      assertRefused(refused, 400, 'UNKNOWN_TOPIC_OR_PARTITION', /"widened" has no partition 3: it has 0 to 0/)
      await admin.createPartitions({ topics: [{ name: 'widened', count: 4 }] })
      // The broker hears of them a moment later.
      let stored = await publish('widened', { value: 'a', partition: 3 })
      while (stored.status === 400) stored = await publish('widened', { value: 'a', partition: 3 })
      assert.deepEqual([stored.status, stored.records?.[0]?.partition, stored.records?.[0]?.offset], [200, 3, 0])
      assert.equal((await ask('/topics/widened/partitions/3/records?offset=0')).records?.length, 1)
      assert.equal((await ask('/topics/widened')).partitions, 4)
      const many = await ask('/topics/widened', 'PATCH', { partitions: 2 })
      assertRefused(many, 400, 'INVALID_PARTITIONS', /4 partitions.*2/)
    })

    test('a record that is larger than the broker takes is 413, whoever finds out', async (t) => {
      keepLogsOfFailure(t, cluster)
      await gateway.ask('/topics/small', 'PUT', { partitions: 1, configs: { 'max.message.bytes': '2000' } })
      const known = await publish('small', { value: 'x'.repeat(3000) })
      assertRefused(known, 413, 'MESSAGE_TOO_LARGE', /max\.message\.bytes/)
      assert.equal(known.stored, 'no')
      await alter('small', 'max.message.bytes', '500')
      const unknown = await publish('small', { value: 'x'.repeat(1000) })
      assertRefused(unknown, 413, 'MESSAGE_TOO_LARGE', /partition 0 of the topic "small".*max\.message\.bytes/)
      assert.deepEqual([unknown.stored, unknown.retriable], ['no', false])
      assert.equal((await publish('small', { value: 'x' })).status, 200)
    })

    test('a record that only the broker finds wrong is named, and the next one is found wrong before', async (t) => {
      keepLogsOfFailure(t, cluster)
      await gateway.ask('/topics/strict', 'PUT', { partitions: 1 })
      const keyless = [{ key: 'a', value: 'x' }, { value: 'y' }, { key: 'b', value: 'z' }]
      const hour = Date.now() + 3_600_000
      const late = [
        { key: 'a', value: 'x' },
        { key: 'b', value: 'y', timestamp: hour },
      ]
      for (const [name, value, records, code, pointer, detail] of [
        [
          'cleanup.policy',
          'compact',
          keyless,
          'INVALID_RECORD',
          '/records/1/key',
          /Record 1: The key is null.*compacted/,
        ],
        [
          'message.timestamp.after.max.ms',
          '1000',
          late,
          'INVALID_TIMESTAMP',
          '/records/1/timestamp',
          /Record 1: .*imestamp/,
        ],
      ] as const) {
        await alter('strict', name, value)
        const publishAll = (): Promise<Answer> => ask('/topics/strict/records', 'POST', { records })
        let refused = await publishAll()
        // The broker hears of it a moment later.
        while (refused.status === 200) refused = await publishAll()
        assertRefused(refused, 422, code, detail)
        assert.match(refused.detail ?? '', /The cluster refused/)
        assert.deepEqual([refused.errors?.length, refused.errors?.[0]?.pointer, refused.stored], [1, pointer, 'no'])
        while (refused.detail?.includes('The cluster refused')) refused = await publishAll()
        assertRefused(refused, 422, code, /No record was stored/)
        assert.equal(refused.errors?.[0]?.pointer, pointer)
      }
    })

    test('a topic that another gateway deletes and makes again takes the first request behind that', async (t) => {
      keepLogsOfFailure(t, cluster)
      const other = await Gateway.start(cluster.bootstrapServers, ['default.replication.factor=1'])
      cleanUpBehind(t, () => other.stop())
      for (const [name, headers] of Object.entries({
        plain: {},
        keyed: { 'idempotency-key': 'one' },
        counted: { 'producer-id': 'p', 'producer-epoch': '0', 'producer-sequence': '0' },
      })) {
        const topic = `again-${name}`
        const publishNext = (value: string): Promise<Answer> =>
          ask(`/topics/${topic}/records`, 'POST', { records: [{ value }] }, headers)
        await gateway.ask(`/topics/${topic}`, 'PUT', { partitions: 2 })
        assert.equal((await publishNext('a')).status, 200)
        await other.ask(`/topics/${topic}`, 'DELETE')
        await other.ask(`/topics/${topic}`, 'PUT', { partitions: 2 })
        const again = await publishNext('b')
        assert.equal(again.status, 200, `${name}: ${again.detail}`)
        assert.equal(again.duplicate ?? false, false)
      }
    })

    test('what a broker refuses of acks=0 disturbs nobody who waits for an answer', async (t) => {
      keepLogsOfFailure(t, cluster)
      await gateway.ask('/topics/shrunk', 'PUT', { partitions: 1 })
      await gateway.ask('/topics/beside', 'PUT', { partitions: 4 })
      await alter('shrunk', 'max.message.bytes', '500')
      const refused: Answer[] = []
      const answered = { stored: 0 }
      const over = new AbortController()
      const publishers = Array.from({ length: 8 }, async (_, index) => {
        while (!over.signal.aborted) {
          const answer = await publish('beside', { value: 'x' }, index % 2 === 0 ? '?acks=1' : '')
          if (answer.status === 200) answered.stored++
          else refused.push(answer)
        }
      })
      // The broker ends the connection with each of these that it gets.
      const tooLarge = { value: 'x'.repeat(1000) }
      for (let sent = 0; sent < 100 || answered.stored < 500; sent++) await publish('shrunk', tooLarge, '?acks=0')
      over.abort()
      await Promise.all(publishers)
      assert.deepEqual(refused.slice(0, 3), [], `${refused.length} of ${answered.stored + refused.length}`)
      assert.equal((await publish('shrunk', { value: 'small' }, '?acks=0')).status, 202)
    })

    test('more replicas than there are brokers is 400', async (t) => {
      keepLogsOfFailure(t, cluster)
      const wide = await Gateway.start(cluster.bootstrapServers, ['default.replication.factor=3'])
      cleanUpBehind(t, () => wide.stop())
      const response = await fetch(`${wide.url}/topics`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'spread' }),
      })
      const refused = { ...((await response.json()) as object), status: response.status }
      assertRefused(
        refused,
        400,
        'INVALID_REPLICATION_FACTOR',
        /topic "spread".*replica.*3.*default\.replication\.factor/i,
      )
    })

    test('a topic that nobody has is 404, and is not asked for twice', async (t) => {
      keepLogsOfFailure(t, cluster)
      assertRefused(await publish('never', { value: 'a' }), 404, 'UNKNOWN_TOPIC_OR_PARTITION', /"never"/)
      assertRefused(await ask('/topics/never/records'), 404, 'UNKNOWN_TOPIC_OR_PARTITION', /"never"/)
    })
  })
})

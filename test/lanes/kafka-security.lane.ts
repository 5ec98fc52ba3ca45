import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import {
  AclOperations,
  AclPermissionTypes,
  Admin,
  ResourcePatternTypes,
  ResourceTypes,
  type AclOperationValue,
} from '@platformatic/kafka'
import { systemClock } from '../../src/broker/clock.ts'
import type { ErrorCode } from '../../src/broker/error-catalogue.ts'
import { StartupError } from '../../src/broker/startup-error.ts'
import { answersNewcomers } from '../../src/kafka/node-connections.ts'
import { brokerError } from '../support/engine-records.ts'
import { startGateway } from '../support/gateway.ts'
import { openKafkaEngine } from '../support/kafka-engine.ts'
import { missingForKafkaTools } from '../support/kafka-tools.ts'
import { cleanUpBehind } from '../support/temp-directory.ts'
import { startSecuredKafkaNode, type SecuredKafkaNode } from '../support/secured-kafka-node.ts'

/** A gateway in front of a node of Apache Kafka that asks who is there, over TLS or not. */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)

function login(mechanism: string, username: string, password = `${username} secret`): string[] {
  return [
    'security.protocol=SASL_PLAINTEXT',
    `sasl.mechanism=${mechanism}`,
    `sasl.jaas.config=x.LoginModule required username="${username}" password="${password}";`,
  ]
}

describe('a cluster that asks who is there', { skip: missing ?? false, timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-secured-'))
  let kafka: SecuredKafkaNode

  before(async () => {
    kafka = await startSecuredKafkaNode(folder)
  })
  after(async () => {
    await kafka.node.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  for (const [mechanism, user] of [
    ['PLAIN', 'admin'],
    ['SCRAM-SHA-256', 'bob'],
  ] as const) {
    test(`lets a gateway in that logs in with ${mechanism}`, async (t) => {
      const engine = await openKafkaEngine(t, kafka.saslPlaintext, login(mechanism, user))
      const { topicId } = await engine.topics.create({ name: `of-${user}`, partitionCount: 2, configs: new Map() })
      assert.equal(engine.topics.find(`of-${user}`)?.topicId, topicId)
    })
  }

  test('lets nobody in with a wrong password, and the gateway stops with what to do about it', async (t) => {
    for (const [mechanism, user] of [
      ['PLAIN', 'admin'],
      ['SCRAM-SHA-256', 'bob'],
    ] as const) {
      const started = process.hrtime.bigint()
      await assert.rejects(openKafkaEngine(t, kafka.saslPlaintext, login(mechanism, user, 'wrong')), (error) => {
        assert.ok(error instanceof StartupError)
        assert.match(error.message, /refuses the gateway's credentials/)
        assert.match(error.message, /sasl\.jaas\.config/)
        assert.doesNotMatch(error.message, /wrong/)
        return true
      })
      assert.ok(process.hrtime.bigint() - started < 5_000_000_000n, 'it is told at once')
    }
  })

  test('a mechanism that it does not offer, or none, or no TLS where there is some, stops the gateway', async (t) => {
    const trusting = ['security.protocol=SSL', `ssl.truststore.location=${kafka.authorityFile}`]
    const wrong: readonly (readonly [string, string[]])[] = [
      [kafka.saslPlaintext, login('SCRAM-SHA-512', 'bob')],
      [kafka.saslPlaintext, []],
      [kafka.node.address, login('PLAIN', 'admin')],
      [kafka.saslPlaintext, trusting],
      [kafka.mutualSsl, []],
    ]
    await Promise.all(
      wrong.map(async ([servers, settings]) => {
        await assert.rejects(openKafkaEngine(t, servers, settings), (error) => {
          assert.ok(error instanceof StartupError)
          t.diagnostic(error.message)
          assert.ok(error.message.startsWith(`bootstrap.servers=${servers}: `))
          return true
        })
      }),
    )
  })

  test('is reached over TLS by who knows its authority, and by nobody else', async (t) => {
    const secured = [...login('PLAIN', 'admin'), 'security.protocol=SASL_SSL']
    const trusting = [...secured, `ssl.truststore.location=${kafka.authorityFile}`]
    const engine = await openKafkaEngine(t, kafka.saslSsl, trusting)
    assert.equal((await engine.cluster()).nodes.length, 1)
    const started = performance.now()
    await assert.rejects(openKafkaEngine(t, kafka.saslSsl, secured), /certificate/)
    assert.ok(performance.now() - started < 5000, 'it is told at once')
    const noPem = join(folder, 'store.jks')
    writeFileSync(noPem, 'no PEM')
    await assert.rejects(
      openKafkaEngine(t, kafka.saslSsl, [...secured, `ssl.truststore.location=${noPem}`]),
      /ssl\.truststore\.location=.*no PEM file/,
    )
  })

  test('asks for a certificate, and the gateway that has one is let in', async (t) => {
    const trusting = ['security.protocol=SSL', `ssl.truststore.location=${kafka.authorityFile}`]
    const showing = (file: string): string[] => [...trusting, `ssl.keystore.location=${file}`]
    for (const settings of [
      showing(kafka.clientFile),
      [...showing(kafka.lockedClientFile), 'ssl.key.password=gateway secret'],
    ]) {
      const engine = await openKafkaEngine(t, kafka.mutualSsl, settings)
      assert.equal((await engine.cluster()).nodes.length, 1)
      await engine.topics.create({ name: `of-${settings.length}`, partitionCount: 1, configs: new Map() })
    }
    for (const [settings, told] of [
      [trusting, /bootstrap\.servers=.*certificate/i],
      [showing(kafka.strangerFile), /bootstrap\.servers=.*certificate|unknown ca/i],
      [showing(kafka.lockedClientFile), /ssl\.keystore\.location: .*ssl\.key\.password/],
      [[...showing(kafka.lockedClientFile), 'ssl.key.password=wrong'], /ssl\.keystore\.location: .*ssl\.key\.password/],
      [showing(kafka.authorityFile), /ssl\.keystore\.location: .*private key/],
    ] as const) {
      const started = performance.now()
      await assert.rejects(openKafkaEngine(t, kafka.mutualSsl, settings), (error) => {
        assert.ok(error instanceof StartupError, String(error))
        t.diagnostic(error.message)
        assert.match(error.message, told)
        return true
      })
      assert.ok(performance.now() - started < 5000, 'it is told at once')
    }
  })

  test('answers who comes anew before anybody logs in: so a node that hangs is told from one that takes long', async () => {
    const tls = {
      ca: readFileSync(kafka.authorityFile),
      cert: readFileSync(kafka.clientFile),
      key: readFileSync(kafka.clientFile),
    }
    for (const [server, options] of [
      [kafka.node.address, {}],
      [kafka.saslPlaintext, {}],
      [kafka.saslSsl, { tls }],
      [kafka.mutualSsl, { tls }],
    ] as const) {
      const [host = '', port] = server.split(':')
      const sasl = { mechanism: 'PLAIN', username: 'nobody', password: 'never sent' } as const
      assert.equal(
        await answersNewcomers('test', { ...options, sasl }, { host, port: Number(port) }, systemClock),
        true,
      )
    }
  })

  test('what a gateway may not do is 403 with the name that Kafka has for it', async (t) => {
    const admin = await openKafkaEngine(t, kafka.node.address)
    await admin.topics.create({ name: 'secret', partitionCount: 1, configs: new Map() })
    const engine = await openKafkaEngine(t, kafka.saslPlaintext, login('PLAIN', 'alice'))
    assert.deepEqual(engine.topics.list(), [])
    const isRefused = (code: ErrorCode) => (error: unknown) => {
      brokerError(code)(error)
      assert.ok(error instanceof Error && 'status' in error && error.status === 403)
      return true
    }
    await assert.rejects(engine.topics.refresh('secret'), isRefused('TOPIC_AUTHORIZATION_FAILED'))
    await assert.rejects(
      engine.topics.create({ name: 'mine', partitionCount: 1, configs: new Map() }),
      isRefused('TOPIC_AUTHORIZATION_FAILED'),
    )
    await assert.rejects(engine.logDirs(), isRefused('CLUSTER_AUTHORIZATION_FAILED'))
  })

  test('over HTTP it is 403, too: of topics, of groups, of the cluster, and of records that are not stored', async (t) => {
    const admin = new Admin({ clientId: 'native', bootstrapBrokers: kafka.node.address.split(',') })
    cleanUpBehind(t, () => admin.close())
    await admin.createTopics({ topics: ['hidden', 'shown', 'open'], partitions: 1 })
    const may = (operation: AclOperationValue, resourceName = 'shown') => ({
      resourceType: ResourceTypes.TOPIC,
      resourceName,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: 'User:alice',
      host: '*',
      operation,
      permissionType: AclPermissionTypes.ALLOW,
    })
    await admin.createAcls({
      creations: [may(AclOperations.READ), may(AclOperations.DESCRIBE_CONFIGS), may(AclOperations.ALL, 'open')],
    })
    const gateway = await startGateway(t, kafka.saslPlaintext, login('PLAIN', 'alice'))
    const ask = async (path: string, method = 'GET', body?: object) => {
      const headers = { 'content-type': 'application/json' }
      const sent = body === undefined ? {} : { headers, body: JSON.stringify(body) }
      const response = await fetch(`${gateway.url}${path}`, { method, ...sent })
      const told = (await response.json()) as { code?: string; detail?: string; stored?: string; retriable?: boolean }
      return { ...told, status: response.status }
    }
    const records = { records: [{ value: 'a' }] }
    for (const [path, method, body, code, detail] of [
      ['/topics/hidden', 'GET', undefined, 'TOPIC_AUTHORIZATION_FAILED', /topic "hidden".*kafka-acls/],
      ['/topics/hidden/records', 'GET', undefined, 'TOPIC_AUTHORIZATION_FAILED', /topic "hidden".*kafka-acls/],
      ['/topics/hidden/records', 'POST', records, 'TOPIC_AUTHORIZATION_FAILED', /topic "hidden".*kafka-acls/],
      ['/topics/shown/records', 'POST', records, 'TOPIC_AUTHORIZATION_FAILED', /topic "shown".*kafka-acls/],
      ['/topics/shown', 'DELETE', undefined, 'TOPIC_AUTHORIZATION_FAILED', /topic "shown".*kafka-acls/],
      ['/topics/shown', 'PATCH', { partitions: 2 }, 'TOPIC_AUTHORIZATION_FAILED', /topic "shown".*kafka-acls/],
      ['/topics', 'POST', { name: 'mine' }, 'TOPIC_AUTHORIZATION_FAILED', /topic "mine".*kafka-acls/],
      ['/consumer-groups/g/members/m', 'PUT', { topics: ['shown'] }, 'GROUP_AUTHORIZATION_FAILED', /group.*kafka-acls/],
      ['/consumer-groups/g', 'GET', undefined, 'GROUP_AUTHORIZATION_FAILED', /group.*kafka-acls/],
      ['/consumer-groups/g/offsets', 'GET', undefined, 'GROUP_AUTHORIZATION_FAILED', /group.*kafka-acls/],
      ['/log-dirs', 'GET', undefined, 'CLUSTER_AUTHORIZATION_FAILED', /kafka-acls/],
    ] as const) {
      const answer = await ask(path, method, body)
      const told = `${method} ${path}: ${answer.detail}`
      assert.deepEqual([answer.status, answer.code, answer.retriable], [403, code, false], told)
      assert.match(answer.detail ?? '', detail, told)
      if (body === records) assert.equal(answer.stored, 'no', told)
    }
    assert.equal((await ask('/topics/shown/records')).status, 200)
    assert.equal((await ask('/topics/open/records', 'POST', records)).status, 200)
  })
})

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { ErrorCode } from '../../src/broker/error-catalogue.ts'
import { StartupError } from '../../src/broker/startup-error.ts'
import { brokerError } from '../support/engine-records.ts'
import { openKafkaEngine } from '../support/kafka-engine.ts'
import { missingForKafkaTools } from '../support/kafka-tools.ts'
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

  test('a mechanism that it does not offer, or none, stops the gateway', async (t) => {
    await assert.rejects(openKafkaEngine(t, kafka.saslPlaintext, login('SCRAM-SHA-512', 'bob')), StartupError)
    await assert.rejects(openKafkaEngine(t, kafka.saslPlaintext), StartupError)
    await assert.rejects(openKafkaEngine(t, kafka.node.address, login('PLAIN', 'admin')), StartupError)
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
    await assert.rejects(openKafkaEngine(t, kafka.saslPlaintext, trusting), StartupError)
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
})

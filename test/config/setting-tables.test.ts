import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfigValue } from '../../src/broker/config-value.ts'
import { kafkaSettings } from '../../src/config/kafka-settings.ts'
import { posthornSettings } from '../../src/config/posthorn-settings.ts'
import { refusalRule, refusedSettings } from '../../src/config/refused-settings.ts'
import { environmentName, honouredNames, knownNames, settingDefinitions } from '../../src/config/setting-names.ts'
import { settingsWithoutEffect } from '../../src/config/settings-without-effect.ts'

test('a member is called after its setting', () => {
  for (const [member, { name }] of Object.entries({ ...kafkaSettings, ...posthornSettings })) {
    assert.equal(
      member,
      name.replace(/\.(\w)/g, (_, letter: string) => letter.toUpperCase()),
    )
  }
})

test('every default is valid and in its normal form', () => {
  for (const { name, type, default: text } of settingDefinitions) {
    if (text === undefined) continue
    parseConfigValue(type, text)
    assert.equal(type.normalise(text), text, name)
  }
})

test('a name is in one table only, and an environment variable means one name', () => {
  const refused = refusedSettings.map(({ name }) => name)
  assert.equal(knownNames.size, honouredNames.size + settingsWithoutEffect.size + refused.length)
  assert.equal(new Set([...knownNames].map(environmentName)).size, knownNames.size)
  for (const name of [...honouredNames, ...settingsWithoutEffect]) assert.equal(refusalRule(name), undefined, name)
})

test("the settings of Kafka's documentation that people meet first are known", () => {
  const kafka =
    'advertised.listeners auto.create.topics.enable broker.id compression.type delete.topic.enable fetch.max.bytes ' +
    'group.initial.rebalance.delay.ms inter.broker.listener.name log.cleaner.backoff.ms log.flush.interval.messages ' +
    'log.retention.check.interval.ms log.roll.jitter.hours max.connections.per.ip message.max.bytes min.insync.replicas ' +
    'num.replica.fetchers offsets.retention.minutes queued.max.requests replica.lag.time.max.ms sasl.enabled.mechanisms ' +
    'ssl.keystore.location super.users transaction.max.timeout.ms unclean.leader.election.enable zookeeper.connect'
  for (const name of kafka.split(' ')) assert.ok(knownNames.has(name), name)
})

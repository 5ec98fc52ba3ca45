import assert from 'node:assert/strict'
import test from 'node:test'
import { TopicSettings } from '../../src/broker/topic-settings.ts'
import { FakeTopics } from '../support/fake-topics.ts'

test('settings are resolved once for each state of the overrides', () => {
  const topics = new FakeTopics()
  const { configOf } = new TopicSettings(new Map([['max.message.bytes', '5000']]))
  const configs = new Map([['retention.ms', '60000']])
  const before = topics.add({ name: 'orders', partitionCount: 1, configs })
  assert.equal(configOf(before).maxMessageBytes, 5000)
  assert.equal(configOf(before).retentionMs, 60_000)
  assert.equal(configOf({ ...before, partitionCount: 3 }), configOf(before))
  const after = topics.add({ name: 'orders', partitionCount: 1, configs: new Map([['max.message.bytes', '700']]) })
  assert.equal(configOf(after).maxMessageBytes, 700)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveTopicConfig } from '../../src/broker/topic-config-definitions.ts'
import { LiveTopic } from '../../src/embedded/live-topic.ts'
import { TopicTable } from '../../src/embedded/topic-table.ts'
import { brokerError } from '../support/engine-records.ts'

function topic(name: string, topicId = name): LiveTopic {
  const row = { topicId, name, state: 'live', internal: false, configs: {}, partitions: [] } as const
  return new LiveTopic(row, (overrides) => resolveTopicConfig(new Map(), overrides))
}

test('a reserved name is taken, and so is one like it; a released one is free', () => {
  const table = new TopicTable()
  table.reserve('a.b')
  assert.throws(() => table.reserve('a.b'), brokerError('TOPIC_ALREADY_EXISTS'))
  const conflict = brokerError('INVALID_TOPIC_EXCEPTION', { facts: { conflictsWith: 'a.b' } })
  assert.throws(() => table.reserve('a_b'), conflict)
  table.release('a.b')
  table.reserve('a_b')
})

test('topics are found by name and id, and listed in code unit order', () => {
  const table = new TopicTable()
  for (const name of ['b', 'Z', 'a']) table.add(topic(name, `id-${name}`))
  assert.deepEqual(
    table.sorted().map(({ name }) => name),
    ['Z', 'a', 'b'],
  )
  assert.equal(table.byId('id-a')?.name, 'a')
  const removed = table.get('a')
  assert.ok(removed)
  table.remove(removed)
  assert.equal(table.get('a'), undefined)
  assert.equal(table.byId('id-a'), undefined)
  assert.equal(table.size, 2)
  table.add(topic('a', 'again'))
  table.remove(removed)
  assert.equal(table.get('a')?.topicId, 'again', 'only the very topic is removed')
})

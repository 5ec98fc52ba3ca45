import assert from 'node:assert/strict'
import test from 'node:test'
import { TopicAutoCreation } from '../../src/broker/topic-auto-creation.ts'
import { FakeTopics } from '../support/fake-topics.ts'

const enabled = { enabled: true, numPartitions: 6 }

test('an existing topic is found, also where none are created', async () => {
  const topics = new FakeTopics()
  const orders = topics.add({ name: 'orders', partitionCount: 2, configs: new Map() })
  assert.equal(await new TopicAutoCreation(topics, { ...enabled, enabled: false }).findOrCreate('orders'), orders)
  assert.equal(topics.created.length, 0)
})

test('requests that come at the same time create the topic once', async () => {
  const topics = new FakeTopics()
  const creation = new TopicAutoCreation(topics, enabled)
  const [one, other] = await Promise.all([creation.findOrCreate('orders'), creation.findOrCreate('orders')])
  assert.equal(one, other)
  assert.equal(one.partitionCount, 6)
  assert.deepEqual(topics.created, [{ name: 'orders', partitionCount: 6, configs: new Map() }])
})

test('a topic that somebody else creates meanwhile is taken', async () => {
  const topics = new FakeTopics()
  const release = Promise.withResolvers<void>()
  topics.beforeCreate = release.promise
  const found = new TopicAutoCreation(topics, enabled).findOrCreate('orders')
  const winner = topics.add({ name: 'orders', partitionCount: 1, configs: new Map() })
  release.resolve()
  assert.equal(await found, winner)
})

test('after a failed creation the next request tries again', async () => {
  const topics = new FakeTopics()
  const creation = new TopicAutoCreation(topics, enabled)
  const failure = new Error('no disk')
  topics.beforeCreate = Promise.reject(failure)
  await assert.rejects(creation.findOrCreate('orders'), failure)
  topics.beforeCreate = Promise.resolve()
  assert.equal((await creation.findOrCreate('orders')).name, 'orders')
})

for (const name of ['', '..', 'a/b', 'x'.repeat(250), '__consumer_offsets']) {
  test(`no topic named ${JSON.stringify(name.slice(0, 20))} is created`, async () => {
    const topics = new FakeTopics()
    await assert.rejects(new TopicAutoCreation(topics, enabled).findOrCreate(name), {
      code: 'INVALID_TOPIC_EXCEPTION',
    })
    assert.equal(topics.created.length, 0)
  })
}

test('where none are created, the error says how to', async () => {
  const creation = new TopicAutoCreation(new FakeTopics(), { ...enabled, enabled: false })
  await assert.rejects(creation.findOrCreate('orders'), {
    code: 'UNKNOWN_TOPIC_OR_PARTITION',
    status: 404,
    message: /auto\.create\.topics\.enable=false.*PUT \/topics\/orders/,
  })
})

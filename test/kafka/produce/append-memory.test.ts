import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveTopicConfig } from '../../../src/broker/topic-config-definitions.ts'
import { RecordAppender } from '../../../src/kafka/produce/record-appender.ts'
import { batchOf, brokerError } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { FakeTopics } from '../../support/fake-topics.ts'
import { ModelCluster } from './model-cluster.ts'

test('small requests that nobody waits for are bounded by what they cost, not by their bytes alone', async () => {
  const topics = new FakeTopics()
  topics.add({ name: 'orders', partitionCount: 1, configs: new Map() })
  const context = {
    clock: new FakeClock(),
    topics,
    topicConfigOf: () => resolveTopicConfig(new Map(), new Map()),
    limits: { produceInflightBytesMax: 1_000_000, admissionWaitMs: 0 },
    client: { options: { requestTimeoutMs: 1000, deliveryTimeoutMs: 5000 } },
  }
  // It answers nothing.
  const appender = new RecordAppender(context, new ModelCluster(1))
  const append = () =>
    appender.append({ topic: 'orders', parts: [{ partition: 0, batches: [batchOf(['a'])] }], acks: '0' })
  let taken = 0
  const refused = async (): Promise<unknown> => {
    for (; taken < 10_000; taken++) await append()
    return undefined
  }
  await assert.rejects(refused, brokerError('SERVER_OVERLOADED', { stored: 'no' }))
  assert.ok(taken > 100 && taken < 500, `${taken} were taken`)
})

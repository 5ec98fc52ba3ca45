import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveTopicConfig } from '../../../src/broker/topic-config-definitions.ts'
import type { PartitionAnswer, ProduceRequest } from '../../../src/kafka/produce/produce-request.ts'
import { RecordAppender, type AppenderContext } from '../../../src/kafka/produce/record-appender.ts'
import { batchOf } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { FakeTopics } from '../../support/fake-topics.ts'
import { ModelCluster } from './model-cluster.ts'

/** Answers as a broker does that has the batch already. */
class RepeatingCluster extends ModelCluster {
  override async produce(_nodeId: number, request: ProduceRequest): Promise<readonly PartitionAnswer[]> {
    return request.batches.map(({ topic, partition }) => {
      return { topic, partition, kafkaCode: 0, baseOffset: 7, logAppendTime: 1234, message: null }
    })
  }
}

test('a time that a broker tells is the records’ own only where the topic says so', async () => {
  const topics = new FakeTopics()
  topics.add({ name: 'orders', partitionCount: 1, configs: new Map() })
  topics.add({ name: 'timed', partitionCount: 1, configs: new Map([['message.timestamp.type', 'LogAppendTime']]) })
  const context: AppenderContext = {
    clock: new FakeClock(),
    topics,
    topicConfigOf: ({ configs }) => resolveTopicConfig(new Map(), configs),
    limits: { produceInflightBytesMax: 1024 * 1024, admissionWaitMs: 0 },
    client: { options: { requestTimeoutMs: 1000, deliveryTimeoutMs: 5000 } },
  }
  const appender = new RecordAppender(context, new RepeatingCluster(1))
  for (const [topic, time] of [
    ['orders', -1],
    ['timed', 1234],
  ] as const) {
    const { parts } = await appender.append({
      topic,
      parts: [{ partition: 0, batches: [batchOf(['a'])] }],
      acks: 'all',
    })
    assert.deepEqual(parts, [{ partition: 0, baseOffset: 7, logAppendTime: time }])
  }
})

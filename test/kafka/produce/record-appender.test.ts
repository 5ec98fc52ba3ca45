import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveTopicConfig } from '../../../src/broker/topic-config-definitions.ts'
import type { Leader } from '../../../src/kafka/produce/produce-cluster.ts'
import type { PartitionAnswer, ProduceRequest } from '../../../src/kafka/produce/produce-request.ts'
import { RecordAppender, type AppenderContext } from '../../../src/kafka/produce/record-appender.ts'
import { batchOf, brokerError } from '../../support/engine-records.ts'
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

/** Its topic is not to be seen until it is looked for again, for a node that lags behind was asked. */
class LaggingCluster extends RepeatingCluster {
  refreshes = 0

  override leaderOf({ partition }: { readonly partition: number }): Leader {
    return this.refreshes === 0 ? 'gone' : super.leaderOf({ partition })
  }

  override refresh(): Promise<void> {
    this.refreshes++
    return super.refresh()
  }
}

class ClusterTopics extends FakeTopics {
  readonly #cluster: ModelCluster

  constructor(cluster: ModelCluster) {
    super()
    this.#cluster = cluster
  }

  override refresh(): Promise<void> {
    return this.#cluster.refresh()
  }
}

function appenderTo(cluster: ModelCluster): RecordAppender {
  const topics = new ClusterTopics(cluster)
  topics.add({ name: 'orders', partitionCount: 1, configs: new Map() })
  topics.add({ name: 'timed', partitionCount: 1, configs: new Map([['message.timestamp.type', 'LogAppendTime']]) })
  const context: AppenderContext = {
    clock: new FakeClock(),
    topics,
    topicConfigOf: ({ configs }) => resolveTopicConfig(new Map(), configs),
    limits: { produceInflightBytesMax: 1024 * 1024, admissionWaitMs: 0 },
    client: { options: { requestTimeoutMs: 1000, deliveryTimeoutMs: 5000 } },
  }
  return new RecordAppender(context, cluster)
}

test('a topic that a node has not heard of yet is looked for once more before publishing is refused', async () => {
  const appender = appenderTo(new LaggingCluster(1))
  const request = { topic: 'orders', parts: [{ partition: 0, batches: [batchOf(['a'])] }], acks: 'all' } as const
  assert.equal((await appender.append(request)).parts[0]?.baseOffset, 7)
  const gone = new ModelCluster(1)
  gone.topicIsGone = true
  await gone.refresh()
  await assert.rejects(appenderTo(gone).append(request), brokerError('UNKNOWN_TOPIC_OR_PARTITION'))
})

test('a time that a broker tells is the records’ own only where the topic says so', async () => {
  const appender = appenderTo(new RepeatingCluster(1))
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

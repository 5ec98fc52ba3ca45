import assert from 'node:assert/strict'
import test from 'node:test'
import { BatchCompression } from '../../src/broker/batch-compression.ts'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { ClaimLapsed } from '../../src/broker/claim-lapsed.ts'
import { CodecJobs } from '../../src/broker/codec-jobs.ts'
import type { AppendPart } from '../../src/broker/append-request.ts'
import type { PublishClaim, PublishIdentity, StoredPart } from '../../src/broker/publish-claim.ts'
import { RepeatablePublish } from '../../src/broker/repeatable-publish.ts'
import { TopicAutoCreation } from '../../src/broker/topic-auto-creation.ts'
import { TopicSettings } from '../../src/broker/topic-settings.ts'
import { FakeTopics } from '../support/fake-topics.ts'
import { columnsOf } from '../support/record-spans.ts'

const identity: PublishIdentity = { kind: 'key', key: 'k', fingerprint: Buffer.alloc(16) }
const told = new BrokerError('CONCURRENT_TRANSACTIONS', 'Another gateway has stored it.', { stored: 'unknown' })
const records = [
  { key: null, value: Buffer.from('a') },
  { key: null, value: Buffer.from('b'), partition: 1, timestamp: 5 },
]

function setUp(claims: readonly (readonly StoredPart[])[], partitionCounts: readonly number[]) {
  const topics = new FakeTopics()
  const topic = topics.add({ name: 'orders', partitionCount: 6, configs: new Map(), internal: false })
  const appended: (readonly AppendPart[])[] = []
  let turn = 0
  const claim = async (): Promise<PublishClaim> => {
    const at = Math.min(turn++, claims.length - 1)
    const stored = claims[at] ?? []
    return {
      partitionCount: partitionCounts[at] ?? 6,
      arrivedMs: 1000 + at,
      stored,
      isComplete: stored.length > 0,
      append: (parts) => {
        appended.push(parts)
        return Promise.reject(new ClaimLapsed(told))
      },
      release: () => {},
    }
  }
  const service = new RepeatablePublish({
    engine: { producers: { claim, describe: () => assert.fail('nobody asks') } },
    durability: 'replicated',
    topics: new TopicAutoCreation(topics, { enabled: false, numPartitions: 6 }),
    topicConfigOf: new TopicSettings(new Map()).configOf,
    compression: new BatchCompression(new CodecJobs()),
  })
  const columns = columnsOf(records)
  return { publish: () => service.publish(topic, columns, identity, undefined), appended, claims: () => turn }
}

test('a request whose claim lapsed is claimed again, and answered as it was stored, with what was said the first time', async () => {
  const stored = [0, 1].map((partition) => ({ partition, baseOffset: 7, lastOffset: 7, logAppendTime: -1 }))
  // The other server stored it when the topic had two partitions.
  const { publish, appended, claims } = setUp([[], stored], [6, 2])
  const { columns, duplicate } = await publish()
  assert.equal(duplicate, true)
  assert.deepEqual(
    appended[0]?.map(({ partition }) => partition),
    [2, 1],
  )
  assert.deepEqual([...columns.partition.subarray(0, 2)], [0, 1])
  assert.deepEqual([...columns.offset.subarray(0, 2)], [7, 7])
  assert.deepEqual([...columns.timestamp.subarray(0, 2)], [1001, 5])
  assert.equal(claims(), 2)
})

test('a request whose claims lapse again and again is refused with why', async () => {
  const { publish, claims } = setUp([[]], [6])
  await assert.rejects(publish(), told)
  assert.equal(claims(), 3)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { clusterMetadata, newest, withTopic } from '../../src/kafka/cluster-metadata.ts'
import { topicIdOfUuid, uuidOfTopicId } from '../../src/kafka/topic-id.ts'

const uuid = '0a1b2c3d-0000-4000-8000-00000000ffff'
const partition = { errorCode: 0, leaderEpoch: 1, replicaNodes: [1, 2], isrNodes: [1], offlineReplicas: [] }

function response(topics: readonly { name: string; topicId: string; partitions: number[]; errorCode?: number }[]) {
  return {
    throttleTimeMs: 0,
    brokers: [{ nodeId: 1, host: 'a', port: 9092, rack: null }],
    clusterId: 'c',
    controllerId: 1,
    topics: topics.map(({ partitions, errorCode = 0, ...rest }) => ({
      ...rest,
      errorCode,
      isInternal: false,
      topicAuthorizedOperations: 0,
      partitions: partitions.map((partitionIndex) => ({ ...partition, partitionIndex, leaderId: 1 })),
    })),
  }
}

test('partitions stand at their number, whatever the order of the answer; those it leaves out have no leader', () => {
  const { topics } = clusterMetadata(response([{ name: 'a', topicId: uuid, partitions: [2, 0] }]))
  assert.deepEqual(
    topics.get('a')?.partitions.map(({ partition: number, leader }) => [number, leader]),
    [
      [0, 1],
      [1, -1],
      [2, 1],
    ],
  )
})

test('a topic that cannot be told of is not there', () => {
  const { topics } = clusterMetadata(response([{ name: 'a', topicId: uuid, partitions: [], errorCode: 29 }]))
  assert.equal(topics.size, 0)
})

test('news of one topic change that one alone: it comes, is another one, and goes', () => {
  const other = '0a1b2c3d-0000-4000-8000-00000000fffe'
  const a = { name: 'a', topicId: uuid, partitions: [0] }
  const before = clusterMetadata(response([{ name: 'b', topicId: other, partitions: [0] }]))
  const with1 = withTopic(before, 'a', clusterMetadata(response([a])))
  assert.deepEqual([...with1.topics.keys()].sort(), ['a', 'b'])
  const third = '0a1b2c3d-0000-4000-8000-00000000fffd'
  const with2 = withTopic(with1, 'a', clusterMetadata(response([{ ...a, topicId: third, partitions: [0, 1] }])))
  assert.equal(with2.topics.get('a')?.partitions.length, 2)
  assert.equal(with2.topicsById.has(topicIdOfUuid(uuid)), false)
  const without = withTopic(with2, 'a', clusterMetadata(response([])))
  assert.deepEqual([...without.topics.keys()], ['b'])
  assert.deepEqual([...without.topicsById.keys()], [topicIdOfUuid(other)])
  assert.equal(withTopic(without, 'a', clusterMetadata(response([]))), without)
})

test('a node that lags behind takes nothing back that another one said', () => {
  const at = (leaderEpoch: number, partitions: number[]) => {
    const answer = response([{ name: 'a', topicId: uuid, partitions }])
    for (const topic of answer.topics) for (const found of topic.partitions) found.leaderEpoch = leaderEpoch
    return clusterMetadata(answer)
  }
  const known = at(5, [0, 1])
  const epochs = (metadata: ReturnType<typeof at>) => metadata.topics.get('a')?.partitions.map((p) => p.leaderEpoch)
  assert.deepEqual(epochs(newest(known, at(4, [0]))), [5, 5])
  assert.deepEqual(epochs(newest(known, at(6, [0, 1, 2]))), [6, 6, 6])
  const later = at(5, [0, 1])
  assert.equal(newest(known, later), later)
  assert.equal(newest(known, clusterMetadata(response([]))).topics.size, 0)
})

test('a topic id is the same in both forms', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const topicId = Buffer.from(bytes).toString('base64url')
      assert.equal(topicIdOfUuid(uuidOfTopicId(topicId)), topicId)
    }),
  )
  assert.equal(uuidOfTopicId(topicIdOfUuid(uuid)), uuid)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterMetadata, ClusterTopic } from '../../../src/kafka/cluster-metadata.ts'
import { GroupTopics } from '../../../src/kafka/groups/group-topics.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const partition = { partition: 0, leader: 1, leaderEpoch: 0, replicas: [1], isr: [1], offlineReplicas: [] }

function metadataOf(names: readonly string[]): ClusterMetadata {
  const topics = names.map((name): ClusterTopic => {
    return { name, topicId: `id of ${name}`, uuid: '', internal: false, partitions: [partition] }
  })
  return {
    clusterId: '',
    controllerId: 1,
    nodes: new Map(),
    topics: new Map(topics.map((topic) => [topic.name, topic])),
    topicsById: new Map(topics.map((topic) => [topic.topicId, topic])),
  }
}

test('topics that others have made are asked for; names that stay unknown not each time', async () => {
  const clock = new FakeClock()
  let refreshes = 0
  const directory = {
    options: { clock },
    metadata: metadataOf(['orders']),
    async refresh(): Promise<void> {
      refreshes++
      this.metadata = metadataOf(['orders', 'fresh'])
    },
  }
  const topics = new GroupTopics(directory)
  await topics.knowNames(['orders'])
  assert.equal(refreshes, 0)
  await topics.knowNames(['orders', 'fresh'])
  assert.deepEqual([refreshes, topics.idOf('fresh', 0)], [1, 'id of fresh'])
  clock.advance(1000)
  for (let call = 0; call < 3; call++) await topics.knowNames(['hidden'])
  assert.equal(refreshes, 2)
})

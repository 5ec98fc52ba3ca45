import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterMetadata, ClusterTopic } from '../../../src/kafka/cluster-metadata.ts'
import { TopicSearch, type SearchedCluster } from '../../../src/kafka/topics/topic-search.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function topicOf(topicId: string): ClusterTopic {
  return { name: 'orders', topicId, uuid: topicId, internal: false, partitions: [] }
}

/** Three nodes, of which each knows a topic, or not, by itself; any question is answered by the first. */
class ModelNodes implements SearchedCluster {
  readonly options = { clock: new FakeClock() }
  readonly known = new Map<number, string>()
  readonly asked: number[] = []
  metadata: ClusterMetadata = this.#metadataOf(undefined)

  async refreshTopic(topic: string): Promise<void> {
    this.acceptTopic(topic, await this.topicAt(1))
  }

  async topicAt(nodeId: number): Promise<ClusterMetadata> {
    this.asked.push(nodeId)
    return this.#metadataOf(this.known.get(nodeId))
  }

  acceptTopic(_topic: string, news: ClusterMetadata): void {
    this.metadata = news
  }

  get found(): string | undefined {
    return this.metadata.topics.get('orders')?.topicId
  }

  #metadataOf(topicId: string | undefined): ClusterMetadata {
    const topics = topicId === undefined ? [] : [topicOf(topicId)]
    return {
      clusterId: 'c',
      controllerId: 1,
      nodes: new Map([1, 2, 3].map((nodeId) => [nodeId, { nodeId, host: 'h', port: nodeId }])),
      topics: new Map(topics.map((topic) => [topic.name, topic])),
      topicsById: new Map(topics.map((topic) => [topic.topicId, topic])),
    }
  }
}

test('a topic that one node has not heard of is found at another', async () => {
  const nodes = new ModelNodes()
  nodes.known.set(3, 'made')
  await new TopicSearch(nodes).look('orders')
  assert.equal(nodes.found, 'made')
})

test('one that nobody has is asked for everywhere once a second, and else at one node', async () => {
  const nodes = new ModelNodes()
  const search = new TopicSearch(nodes)
  for (let looks = 0; looks < 10; looks++) await search.look('orders')
  assert.equal(nodes.asked.length, 13)
  nodes.options.clock.advance(1000)
  nodes.known.set(2, 'made')
  await search.look('orders')
  assert.equal(nodes.found, 'made')
})

test('however many look at once, one question is under way and one waits', async () => {
  const nodes = new ModelNodes()
  nodes.known.set(1, 'made')
  const search = new TopicSearch(nodes)
  await Promise.all(Array.from({ length: 50 }, () => search.look('orders')))
  assert.deepEqual(nodes.asked, [1, 1])
})

test('a topic that was deleted here is not brought back by a node that has not heard of it', async () => {
  const nodes = new ModelNodes()
  nodes.known.set(2, 'old')
  const search = new TopicSearch(nodes)
  search.deleted('old')
  await search.look('orders')
  assert.equal(nodes.found, undefined)
})

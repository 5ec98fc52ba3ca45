import type { metadataV12 } from '@platformatic/kafka'
import { topicIdOfUuid } from './topic-id.ts'

/** What a cluster looked like at one moment. */
export interface ClusterMetadata {
  readonly clusterId: string
  /** −1 while there is none. */
  readonly controllerId: number
  readonly nodes: ReadonlyMap<number, ClusterNode>
  /** By name; only those that can be told of. */
  readonly topics: ReadonlyMap<string, ClusterTopic>
  readonly topicsById: ReadonlyMap<string, ClusterTopic>
}

export interface ClusterNode {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack?: string
}

export interface ClusterTopic {
  readonly name: string
  /** 22 characters of base64url, as everywhere in the port. */
  readonly topicId: string
  /** The same with hyphens, as the client library has it. */
  readonly uuid: string
  readonly internal: boolean
  /** By number, without gaps. */
  readonly partitions: readonly ClusterPartition[]
}

export interface ClusterPartition {
  readonly partition: number
  /** Node id; −1 while there is none. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly offlineReplicas: readonly number[]
}

const noLeader = { leader: -1, leaderEpoch: -1, replicas: [], isr: [], offlineReplicas: [] }

export function clusterMetadata(response: metadataV12.MetadataResponse): ClusterMetadata {
  const topics = response.topics.flatMap((topic): ClusterTopic[] => {
    if (topic.errorCode !== 0 || topic.name === null || topic.name === undefined) return []
    return [clusterTopic(topic, topic.name)]
  })
  return {
    clusterId: response.clusterId ?? '',
    controllerId: response.controllerId,
    nodes: new Map(
      response.brokers.map(({ nodeId, host, port, rack }) => [
        nodeId,
        { nodeId, host, port, ...(rack !== null && rack !== undefined && { rack }) },
      ]),
    ),
    topics: new Map(topics.map((topic) => [topic.name, topic])),
    topicsById: new Map(topics.map((topic) => [topic.topicId, topic])),
  }
}

function clusterTopic(topic: metadataV12.MetadataResponse['topics'][number], name: string): ClusterTopic {
  const partitions: ClusterPartition[] = []
  for (const { partitionIndex, leaderId, leaderEpoch, replicaNodes, isrNodes, offlineReplicas } of topic.partitions) {
    partitions[partitionIndex] = {
      partition: partitionIndex,
      leader: leaderId,
      leaderEpoch,
      replicas: replicaNodes,
      isr: isrNodes,
      offlineReplicas,
    }
  }
  return {
    name,
    topicId: topicIdOfUuid(topic.topicId),
    uuid: topic.topicId,
    internal: topic.isInternal,
    partitions: Array.from(partitions, (found, partition) => found ?? { partition, ...noLeader }),
  }
}

/** Metadata with one topic, its nodes and its controller as `news` has them; the same object where there is nothing new. */
export function withTopic(known: ClusterMetadata, name: string, news: ClusterMetadata): ClusterMetadata {
  const present = known.topics.get(name)
  const next = news.topics.get(name)
  if (present === undefined && next === undefined) return known
  const topics = new Map(known.topics)
  const topicsById = new Map(known.topicsById)
  if (present !== undefined) topicsById.delete(present.topicId)
  topics.delete(name)
  if (next !== undefined) {
    topics.set(name, next)
    topicsById.set(next.topicId, next)
  }
  return { ...news, topics, topicsById }
}

/**
 * `next`, with those partitions as they were known of which it tells an older state: nodes learn at different times who
 * leads what, and the one asked last may know least.
 */
export function newest(known: ClusterMetadata, next: ClusterMetadata): ClusterMetadata {
  const lagging = [...next.topics.values()].filter((topic) => isOlder(topic, known.topicsById.get(topic.topicId)))
  if (lagging.length === 0) return next
  const topics = new Map(next.topics)
  const topicsById = new Map(next.topicsById)
  for (const topic of lagging) {
    const merged = { ...topic, partitions: newestPartitions(topic, known.topicsById.get(topic.topicId)) }
    topics.set(topic.name, merged)
    topicsById.set(topic.topicId, merged)
  }
  return { ...next, topics, topicsById }
}

function isOlder(topic: ClusterTopic, known: ClusterTopic | undefined): boolean {
  if (known === undefined || known === topic) return false
  return known.partitions.some(({ leaderEpoch }, index) => leaderEpoch > (topic.partitions[index]?.leaderEpoch ?? -1))
}

function newestPartitions(topic: ClusterTopic, known: ClusterTopic | undefined): ClusterPartition[] {
  const before = known?.partitions ?? []
  const count = Math.max(before.length, topic.partitions.length)
  return Array.from({ length: count }, (_, partition) => {
    const [old, now] = [before[partition], topic.partitions[partition]]
    if (old !== undefined && old.leaderEpoch > (now?.leaderEpoch ?? -1)) return old
    return now ?? { partition, ...noLeader }
  })
}

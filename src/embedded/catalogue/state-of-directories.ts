import type { CatalogueState, CatalogueTopic } from './catalogue-state.ts'
import type { FoundPartition } from '../directory/found-partition.ts'
import { isInternalTopicName } from '../../broker/topic-name.ts'

/** Partitions with the directory that holds them. */
export interface PlacedPartitions {
  readonly directoryId: string
  readonly path: string
  readonly partitions: readonly FoundPartition[]
}

/** Why no catalogue can be made of what directories hold. */
export interface Ambiguity {
  readonly problem: string
}

/** What is known of topics by their names alone. */
export type ConfigsByName = (topic: string) => Readonly<Record<string, string>>

export interface TopicsOfDirectories {
  readonly configsOf: ConfigsByName
  /** `topic.partitions.max`: a directory with a higher number is no partition, but somebody's copy of one. */
  readonly partitionsMax: number
}

/**
 * A catalogue as far as directories tell of one: the topics by their partitions' names and ids, without settings, and
 * with nothing deleted below their first segments. A partition that none of them holds, though a later one is there, is
 * placed on `homeId`, where its directory will be found missing.
 */
export function stateOfDirectories(
  clusterId: string,
  homeId: string,
  placed: readonly PlacedPartitions[],
  { configsOf, partitionsMax }: TopicsOfDirectories,
): CatalogueState | Ambiguity {
  const topics = new Map<string, CatalogueTopic & { partitions: CatalogueTopic['partitions'][number][] }>()
  const seen = new Map<string, string>()
  for (const { directoryId, partitions } of placed) {
    for (const { topic: name, topicId, partition, directory } of partitions) {
      if (topicId === undefined) continue
      const earlier = seen.get(`${topicId}/${partition}`)
      if (earlier !== undefined)
        return { problem: `${earlier} and ${directory} are the same partition of topic id ${topicId}` }
      seen.set(`${topicId}/${partition}`, directory)
      if (partition >= partitionsMax) {
        return { problem: `${directory} would be partition ${partition}, but topic.partitions.max is ${partitionsMax}` }
      }
      const topic = topics.get(name) ?? {
        topicId,
        name,
        state: 'live' as const,
        internal: isInternalTopicName(name),
        configs: configsOf(name),
        partitions: [],
      }
      topics.set(name, topic)
      if (topic.topicId !== topicId) {
        return { problem: `${directory} is of topic id ${topicId}, another partition of '${name}' of ${topic.topicId}` }
      }
      while (topic.partitions.length <= partition) topic.partitions.push({ directoryId: homeId, logStartOffset: 0 })
      topic.partitions[partition] = { directoryId, logStartOffset: 0 }
    }
  }
  const directories = placed.map(({ directoryId, path: directory }) => ({ directoryId, path: directory }))
  return { clusterId, generation: 0, directories, topics: [...topics.values()] }
}

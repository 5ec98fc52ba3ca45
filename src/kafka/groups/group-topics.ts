import type { AssignedTopic, PartitionsOfTopic } from '../../broker/group-membership.ts'
import type { ClusterClient } from '../cluster-client.ts'
import { topicIdOfUuid } from '../topic-id.ts'

/** Names and ids of topics, as groups need them. */
export class GroupTopics {
  readonly #client: ClusterClient

  constructor(client: ClusterClient) {
    this.#client = client
  }

  /** Kafka's way to write ids → ours; in order. */
  ids(topics: readonly { readonly topicId: string; readonly partitions: readonly number[] }[]): PartitionsOfTopic[] {
    return topics
      .map(({ topicId, partitions }) => ({
        topicId: topicIdOfUuid(topicId),
        partitions: [...partitions].sort((a, b) => a - b),
      }))
      .sort((a, b) => (a.topicId < b.topicId ? -1 : 1))
  }

  /** Asks for topics that are not known yet: those made a moment ago. */
  async know(topics: readonly PartitionsOfTopic[]): Promise<void> {
    const { topicsById } = this.#client.metadata
    if (topics.every(({ topicId }) => topicsById.has(topicId))) return
    await this.#client.refresh()
  }

  /**
   * With names; topics that are gone are left out. Positions count whenever the coordinator takes the epoch of the cursor
   * that holds them, so there is no other epoch since when a partition is owned.
   */
  named(topics: readonly PartitionsOfTopic[]): AssignedTopic[] {
    const { topicsById } = this.#client.metadata
    return topics.flatMap(({ topicId, partitions }) => {
      const topic = topicsById.get(topicId)?.name
      return topic === undefined ? [] : [{ topic, topicId, partitions, sinceEpochs: partitions.map(() => 0) }]
    })
  }

  /** Topics that are gone are left out. */
  ofNames(topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[]): AssignedTopic[] {
    return this.named(
      topics.flatMap(({ topic, partitions }) => {
        const topicId = this.#client.metadata.topics.get(topic)?.topicId
        return topicId === undefined ? [] : [{ topicId, partitions: [...partitions].sort((a, b) => a - b) }]
      }),
    )
  }

  /** Undefined where there is no such topic, or it has no such partition. */
  idOf(topic: string, partition: number): string | undefined {
    const found = this.#client.metadata.topics.get(topic)
    return found === undefined || partition >= found.partitions.length ? undefined : found.topicId
  }
}

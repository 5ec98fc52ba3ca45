import { BrokerError } from '../../broker/broker-error.ts'
import type { AssignedTopic, PartitionsOfTopic } from '../../broker/group-membership.ts'
import type { ClusterClient } from '../cluster-client.ts'
import { topicIdOfUuid } from '../topic-id.ts'

/** Of a `ClusterClient`. */
export type TopicDirectory = Pick<ClusterClient, 'metadata' | 'refresh'> & {
  readonly options: Pick<ClusterClient['options'], 'clock'>
}

/** Names that stay unknown, of topics that the gateway may not see, are not worth a question each time. */
const ASKED_AGAIN_AFTER_MS = 1000

/** Names and ids of topics, as groups need them. */
export class GroupTopics {
  readonly #client: TopicDirectory
  #askedAt = Number.NEGATIVE_INFINITY

  constructor(client: TopicDirectory) {
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

  /** What the coordinator assigned, as ours; asks for topics that are not known yet. */
  async assigned(
    topics: readonly { readonly topicId: string; readonly partitions: readonly number[] }[],
  ): Promise<PartitionsOfTopic[]> {
    const assigned = this.ids(topics)
    await this.know(assigned)
    return assigned
  }

  /** The same by name. Where nobody answers, what is known has to do. */
  async knowNames(names: readonly string[]): Promise<void> {
    const { topics } = this.#client.metadata
    if (names.every((name) => topics.has(name))) return
    const now = this.#client.options.clock.monotonic()
    if (now - this.#askedAt < ASKED_AGAIN_AFTER_MS) return
    this.#askedAt = now
    await this.#client.refresh().catch((error: unknown) => {
      if (!(error instanceof BrokerError)) throw error
    })
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

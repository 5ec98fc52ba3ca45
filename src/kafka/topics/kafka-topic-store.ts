import { createPartitionsV3, createTopicsV7, deleteRecordsV2, deleteTopicsV6 } from '@platformatic/kafka'
import { BrokerError } from '../../broker/broker-error.ts'
import { deletionBeyondEnd } from '../../broker/deletion-beyond-end.ts'
import { nameFault } from '../../broker/topic-name.ts'
import type {
  NewTopic,
  PartitionBounds,
  PartitionDescription,
  TopicStore,
  TopicSummary,
} from '../../broker/topic-store.ts'
import type { ClusterClient } from '../cluster-client.ts'
import type { ClusterTopic } from '../cluster-metadata.ts'
import { stoppingError } from '../stopping-error.ts'
import { pause } from '../time-limits.ts'
import { describeClusterPartitions, partitionBounds } from './describe-cluster-partitions.ts'
import { TopicCache } from './topic-cache.ts'
import { alterTopicConfigs } from './topic-configs.ts'
import { TopicSearch } from './topic-search.ts'

/** How long the nodes may take to see what the controller has done; then the answer is given without. */
const PROPAGATION_MS = 5000
const PROPAGATION_STEP_MS = 20

/** See `TopicStore`: the topics of a cluster. What is asked synchronously is answered from what is known of it. */
export class KafkaTopicStore implements TopicStore {
  readonly #client: ClusterClient
  readonly #replicationFactor: number
  readonly #cache: TopicCache
  readonly #search: TopicSearch
  #isClosed = false

  constructor(client: ClusterClient, replicationFactor: number) {
    this.#client = client
    this.#replicationFactor = replicationFactor
    this.#cache = new TopicCache(client)
    this.#search = new TopicSearch(client)
  }

  /** Resolves when the topics that are known can be found. */
  load(): Promise<void> {
    return this.#cache.load(this.#cache.unknownNames())
  }

  /** From now on nothing is changed any more; what is known can still be found. */
  close(): void {
    this.#isClosed = true
    this.#cache.close()
  }

  list(): readonly TopicSummary[] {
    return this.#cache.list()
  }

  find(topic: string): TopicSummary | undefined {
    return this.#cache.find(topic)
  }

  inheritedConfigs(topic: string): ReadonlyMap<string, string> | undefined {
    const found = this.#cache.find(topic)
    return found && this.#cache.configsOf(found.topicId)?.inherited
  }

  async refresh(topic?: string): Promise<void> {
    if (topic === undefined) {
      await this.#client.refresh()
      await this.load()
    } else if (nameFault(topic) === undefined) {
      await this.#search.look(topic)
      await this.#until(() => this.#isLoaded(topic))
    }
  }

  async create({ name, partitionCount, configs }: NewTopic): Promise<TopicSummary> {
    this.#checkOpen()
    const topic = {
      name,
      numPartitions: partitionCount,
      replicationFactor: this.#replicationFactor,
      assignments: [],
      configs: [...configs].map(([config, value]) => ({ name: config, value })),
    }
    const { apiTimeoutMs } = this.#client.options
    const call = { doing: `to create the topic "${name}"`, repeatable: false }
    try {
      const answer = await this.#client.toController(
        (to) => createTopicsV7.api.async(to, [topic], apiTimeoutMs, false),
        call,
      )
      return await this.#seen(name, answer.topics[0]?.topicId)
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      throw await this.#notCreated(name, error)
    }
  }

  async partitions(topic: string): Promise<readonly PartitionDescription[]> {
    await this.#client.refreshTopic(topic)
    return describeClusterPartitions(this.#client, this.#known(topic))
  }

  async alterConfigs(topic: string, changes: ReadonlyMap<string, string | null>): Promise<void> {
    this.#checkOpen()
    const { topicId } = this.#known(topic)
    if (changes.size > 0) await alterTopicConfigs(this.#client, topic, changes)
    await this.#until(async () => {
      await this.#cache.load([topic])
      const present = this.#cache.configsOf(topicId)?.overrides
      return [...changes].every(([name, value]) => (present?.get(name) ?? null) === value)
    })
  }

  async addPartitions(topic: string, total: number): Promise<void> {
    this.#checkOpen()
    const { partitions } = this.#known(topic)
    if (total <= partitions.length) throw notMore(topic, partitions.length, total)
    const { apiTimeoutMs } = this.#client.options
    await this.#client.toController(
      (to) => createPartitionsV3.api.async(to, [{ name: topic, count: total, assignments: null }], apiTimeoutMs, false),
      { doing: `to add partitions to the topic "${topic}"`, repeatable: false },
    )
    await this.#until(async () => {
      await this.#client.refreshTopic(topic)
      return isServed(this.#client.metadata.topics.get(topic), total)
    })
  }

  async deleteRecords(topic: string, partition: number, before: number | 'latest'): Promise<PartitionBounds> {
    this.#checkOpen()
    const { apiTimeoutMs } = this.#client.options
    const offset = before === 'latest' ? -1n : BigInt(before)
    const asked = [{ name: topic, partitions: [{ partitionIndex: partition, offset }] }]
    try {
      await this.#client.toLeader(topic, partition, (to) => deleteRecordsV2.api.async(to, asked, apiTimeoutMs), {
        doing: `to delete records of the partition ${topic}-${partition}`,
      })
    } catch (error) {
      if (!(error instanceof BrokerError) || error.code !== 'OFFSET_OUT_OF_RANGE') throw error
      const bounds = await partitionBounds(this.#client, topic, partition)
      throw deletionBeyondEnd(topic, partition, Number(before), bounds)
    }
    return partitionBounds(this.#client, topic, partition)
  }

  async delete(topic: string): Promise<void> {
    this.#checkOpen()
    const { topicId, uuid } = this.#known(topic)
    const { apiTimeoutMs } = this.#client.options
    await this.#client
      .toController((to) => deleteTopicsV6.api.async(to, [{ name: null, topicId: uuid }], apiTimeoutMs), {
        doing: `to delete the topic "${topic}"`,
      })
      .catch((error: unknown) => {
        // Somebody else, or our own first try, was there before.
        if (!(error instanceof BrokerError) || error.code !== 'UNKNOWN_TOPIC_ID') throw error
      })
    this.#search.deleted(topicId)
    await this.#until(async () => {
      await this.#client.refreshTopic(topic)
      return this.#client.metadata.topics.get(topic)?.topicId !== topicId
    })
  }

  #checkOpen(): void {
    if (this.#isClosed) throw stoppingError()
  }

  #known(topic: string): ClusterTopic {
    const found = this.#client.metadata.topics.get(topic)
    if (found !== undefined) return found
    throw new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `The cluster has no topic "${topic}".`)
  }

  /** The topic, when the nodes know it and lead its partitions. */
  async #seen(name: string, uuid: string | undefined): Promise<TopicSummary> {
    await this.#until(async () => {
      await this.#client.refreshTopic(name)
      const found = this.#client.metadata.topics.get(name)
      return isServed(found, 1) && (uuid === undefined || found?.uuid === uuid) && (await this.#isLoaded(name))
    })
    const summary = this.#cache.find(name)
    if (summary !== undefined) return summary
    throw new BrokerError(
      'LEADER_NOT_AVAILABLE',
      `The topic "${name}" is created, and the cluster's nodes do not show it yet. Look for it in a moment.`,
      { retryAfterSeconds: 1 },
    )
  }

  /** Reads the topic's settings; false while the node that is asked does not know of it yet. */
  async #isLoaded(topic: string): Promise<boolean> {
    const topicId = this.#client.metadata.topics.get(topic)?.topicId
    if (topicId === undefined) return true
    await this.#cache.load([topic])
    return this.#cache.configsOf(topicId) !== undefined
  }

  /** Why a topic was not created, as the port has it. */
  async #notCreated(name: string, error: BrokerError): Promise<BrokerError> {
    if (error.code === 'TOPIC_ALREADY_EXISTS') {
      await this.#seen(name, undefined).catch(() => {})
      return new BrokerError(error.code, `There is a topic "${name}" already.`, { cause: error })
    }
    if (error.code !== 'INVALID_TOPIC_EXCEPTION') return error
    await this.refresh()
    const flat = name.replaceAll('.', '_')
    const other = [...this.#client.metadata.topics.keys()].find((known) => known.replaceAll('.', '_') === flat)
    if (other === undefined) return error
    return new BrokerError(
      error.code,
      `The topic "${name}" would differ from "${other}" only by "." and "_", which metrics cannot tell apart. Choose another name.`,
      { facts: { conflictsWith: other }, cause: error },
    )
  }

  /** Asks until it is so; gives up in silence, since what was asked for is done. */
  async #until(isSo: () => Promise<boolean>): Promise<void> {
    const { clock } = this.#client.options
    const deadline = clock.monotonic() + PROPAGATION_MS
    while (!(await isSo()) && clock.monotonic() < deadline && !this.#client.stopping.aborted) {
      await pause(PROPAGATION_STEP_MS, clock, this.#client.stopping)
    }
  }
}

function isServed(topic: ClusterTopic | undefined, partitionsMin: number): boolean {
  return (
    topic !== undefined &&
    topic.partitions.length >= partitionsMin &&
    topic.partitions.every(({ leader }) => leader >= 0)
  )
}

function notMore(topic: string, present: number, total: number): BrokerError {
  return new BrokerError('INVALID_PARTITIONS', `The topic "${topic}" has ${present} partitions: ${total} is not more.`)
}

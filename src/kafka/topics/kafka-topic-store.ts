import { createPartitionsV3, createTopicsV7, deleteRecordsV2, deleteTopicsV6 } from '@platformatic/kafka'
import { BrokerError } from '../../broker/broker-error.ts'
import type {
  NewTopic,
  PartitionBounds,
  PartitionDescription,
  TopicStore,
  TopicSummary,
} from '../../broker/topic-store.ts'
import type { ClusterClient } from '../cluster-client.ts'
import type { ClusterTopic } from '../cluster-metadata.ts'
import { pause } from '../time-limits.ts'
import { describeClusterPartitions, partitionBounds } from './describe-cluster-partitions.ts'
import { alterTopicConfigs, readTopicConfigs, type ClusterTopicConfigs } from './topic-configs.ts'

/** How long the nodes may take to see what the controller has done; then the answer is given without. */
const PROPAGATION_MS = 5000
const PROPAGATION_STEP_MS = 20
/** Kept by the gateways, and by nobody else. */
const OURS = /^__posthorn_/

/** See `TopicStore`: the topics of a cluster. What is asked synchronously is answered from what is known of it. */
export class KafkaTopicStore implements TopicStore {
  readonly #client: ClusterClient
  readonly #replicationFactor: number
  /** By topic id. */
  readonly #configs = new Map<string, ClusterTopicConfigs>()
  #summaries: ReadonlyMap<string, TopicSummary> = new Map()
  #sorted: readonly TopicSummary[] = []
  #loading: Promise<void> | undefined
  #loadedAt = Number.NEGATIVE_INFINITY
  readonly #stopListening: () => void

  constructor(client: ClusterClient, replicationFactor: number) {
    this.#client = client
    this.#replicationFactor = replicationFactor
    this.#stopListening = client.onMetadata(() => this.#follow())
  }

  /** Resolves when the topics that are known can be found. */
  async load(): Promise<void> {
    await this.#loadConfigs(this.#unknownNames())
  }

  close(): void {
    this.#stopListening()
  }

  list(): readonly TopicSummary[] {
    return this.#sorted
  }

  find(topic: string): TopicSummary | undefined {
    return this.#summaries.get(topic)
  }

  /** What the topic has from its brokers, where it has no value of its own. */
  inheritedConfigs(topic: string): ReadonlyMap<string, string> | undefined {
    const found = this.#summaries.get(topic)
    return found && this.#configs.get(found.topicId)?.inherited
  }

  async refresh(topic?: string): Promise<void> {
    if (topic === undefined) {
      await this.#client.refresh()
      await this.load()
      return
    }
    await this.#client.refreshTopic(topic)
    if (this.#client.metadata.topics.has(topic)) await this.#loadConfigs([topic])
  }

  async create({ name, partitionCount, configs }: NewTopic): Promise<TopicSummary> {
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
    const { topicId } = this.#known(topic)
    if (changes.size > 0) await alterTopicConfigs(this.#client, topic, changes)
    await this.#until(async () => {
      await this.#loadConfigs([topic])
      const present = this.#configs.get(topicId)?.overrides
      return [...changes].every(([name, value]) => (present?.get(name) ?? null) === value)
    })
  }

  async addPartitions(topic: string, total: number): Promise<void> {
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
    const { apiTimeoutMs } = this.#client.options
    const offset = before === 'latest' ? -1n : BigInt(before)
    const asked = [{ name: topic, partitions: [{ partitionIndex: partition, offset }] }]
    await this.#client.toLeader(topic, partition, (to) => deleteRecordsV2.api.async(to, asked, apiTimeoutMs), {
      doing: `to delete records of the partition ${topic}-${partition}`,
    })
    return partitionBounds(this.#client, topic, partition)
  }

  async delete(topic: string): Promise<void> {
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
    await this.#until(async () => {
      await this.#client.refreshTopic(topic)
      return this.#client.metadata.topics.get(topic)?.topicId !== topicId
    })
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
      return isServed(found, 1) && (uuid === undefined || found?.uuid === uuid)
    })
    const found = this.#client.metadata.topics.get(name)
    if (found !== undefined && !this.#configs.has(found.topicId)) await this.#loadConfigs([name])
    const summary = this.#summaries.get(name)
    if (summary !== undefined) return summary
    throw new BrokerError(
      'LEADER_NOT_AVAILABLE',
      `The topic "${name}" is created, and the cluster's nodes do not show it yet. Look for it in a moment.`,
      { retryAfterSeconds: 1 },
    )
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

  #unknownNames(): string[] {
    const topics = [...this.#client.metadata.topics.values()]
    return topics.filter(({ topicId }) => !this.#configs.has(topicId)).map(({ name }) => name)
  }

  /** After new metadata: topics of which no settings are known yet come in when those are there. */
  #follow(): void {
    this.#rebuild()
    const { clock, metadataMaxAgeMs } = this.#client.options
    const old = clock.monotonic() - this.#loadedAt >= metadataMaxAgeMs
    const names = old ? [...this.#client.metadata.topics.keys()] : this.#unknownNames()
    if (names.length === 0 || this.#loading !== undefined) return
    this.#loading = this.#loadConfigs(names)
      .then(() => {
        if (old) this.#loadedAt = clock.monotonic()
      })
      .catch((error: unknown) => {
        if (!(error instanceof BrokerError)) throw error
      })
      .finally(() => (this.#loading = undefined))
  }

  async #loadConfigs(names: readonly string[]): Promise<void> {
    if (names.length === 0) return
    const read = await readTopicConfigs(this.#client, names)
    for (const name of names) {
      const topicId = this.#client.metadata.topics.get(name)?.topicId
      const configs = read.get(name) ?? { overrides: new Map(), inherited: new Map() }
      if (topicId !== undefined) this.#remember(topicId, configs)
    }
    this.#rebuild()
  }

  /** What is the same stays the same object: others keep what they made of it by that. */
  #remember(topicId: string, configs: ClusterTopicConfigs): void {
    const known = this.#configs.get(topicId)
    if (known && sameTexts(known.overrides, configs.overrides) && sameTexts(known.inherited, configs.inherited)) return
    this.#configs.set(topicId, configs)
  }

  #rebuild(): void {
    const { topics, topicsById } = this.#client.metadata
    for (const topicId of this.#configs.keys()) if (!topicsById.has(topicId)) this.#configs.delete(topicId)
    const summaries = new Map<string, TopicSummary>()
    for (const topic of topics.values()) {
      const configs = this.#configs.get(topic.topicId)?.overrides
      if (configs === undefined) continue
      const known = this.#summaries.get(topic.name)
      const same = known?.configs === configs && known.partitionCount === topic.partitions.length
      summaries.set(topic.name, same && known !== undefined ? known : summaryOf(topic, configs))
    }
    this.#summaries = summaries
    this.#sorted = [...summaries.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }
}

function summaryOf(
  { name, topicId, partitions, internal }: ClusterTopic,
  configs: ReadonlyMap<string, string>,
): TopicSummary {
  return { name, topicId, partitionCount: partitions.length, internal: internal || OURS.test(name), configs }
}

function isServed(topic: ClusterTopic | undefined, partitionsMin: number): boolean {
  return (
    topic !== undefined &&
    topic.partitions.length >= partitionsMin &&
    topic.partitions.every(({ leader }) => leader >= 0)
  )
}

function sameTexts(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value)
}

function notMore(topic: string, present: number, total: number): BrokerError {
  return new BrokerError('INVALID_PARTITIONS', `The topic "${topic}" has ${present} partitions: ${total} is not more.`)
}

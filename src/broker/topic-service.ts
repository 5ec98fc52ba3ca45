import { BrokerError } from './broker-error.ts'
import type { CursorCodec } from './cursor.ts'
import type { Engine } from './engine.ts'
import { pageOf, partitionKey, type ListPage, type ListRequest } from './list-page.ts'
import { unknownPartition } from './partition-selection.ts'
import { foundTopic, lookUpTopic } from './topic-lookup.ts'
import {
  describeTopicConfigs,
  validateTopicConfigs,
  type BrokerTopicDefaults,
  type DescribedTopicConfig,
} from './topic-config-definitions.ts'
import { checkTopicName, refuseInternalTopic } from './topic-name.ts'
import type { PartitionDescription, TopicSummary } from './topic-store.ts'

export interface TopicDescription {
  readonly name: string
  readonly topicId: string
  readonly internal: boolean
  /** How many there are. */
  readonly partitions: number
  readonly configs: Record<string, DescribedTopicConfig>
}

export interface TopicListItem {
  readonly name: string
  readonly topicId: string
  readonly internal: boolean
  readonly partitions: number
}

/** Values as a client sends them: text, number or boolean; null removes an override. */
export type ConfigChanges = Readonly<Record<string, unknown>>

export interface RequestedSettings {
  readonly partitions?: number | undefined
  readonly configs?: ConfigChanges | undefined
}

export interface TopicServiceOptions {
  /** `num.partitions` */
  readonly numPartitions: number
  /** `delete.topic.enable` */
  readonly deleteTopicEnable: boolean
  /** `topic.partitions.max` */
  readonly maxPartitionsPerTopic: number
  /** What the server's own configuration sets for all topics. */
  readonly brokerDefaults: BrokerTopicDefaults
  /** A cluster keeps the records. */
  readonly isCluster: boolean
}

/** Topics as clients see and change them. */
export class TopicService {
  readonly #engine: Engine
  readonly #cursors: CursorCodec
  readonly #options: TopicServiceOptions

  constructor(engine: Engine, cursors: CursorCodec, options: TopicServiceOptions) {
    this.#engine = engine
    this.#cursors = cursors
    this.#options = options
  }

  /** Sorted by name. */
  async list(request: ListRequest & { readonly prefix?: string | undefined }): Promise<ListPage<TopicListItem>> {
    const { prefix } = request
    await this.#engine.topics.refresh()
    const all = this.#engine.topics.list()
    const topics = prefix === undefined ? all : all.filter((topic) => topic.name.startsWith(prefix))
    const page = pageOf(topics, (topic) => topic.name, 'topics', request, this.#cursors)
    return { ...page, items: page.items.map(listItem) }
  }

  async describe(name: string): Promise<TopicDescription> {
    await this.#engine.topics.refresh(name)
    return this.#described(foundTopic(this.#engine, name))
  }

  /** Rejects with TOPIC_ALREADY_EXISTS where there is one of the name, whatever its settings. */
  async create(name: string, settings: RequestedSettings, pointer = '/name'): Promise<TopicDescription> {
    checkTopicName(name, pointer)
    refuseInternalTopic(name, pointer)
    const partitionCount = this.#checkedPartitions(settings.partitions ?? this.#options.numPartitions)
    const configs = withoutNulls(this.#validated(settings))
    return this.#described(
      await this.#engine.topics.create({ name, partitionCount, configs }).catch(pointedAt(pointer)),
    )
  }

  /**
   * Creates the topic, or confirms that the one there is has the settings named; settings that are not named may be any.
   * So a create whose reply was lost can be repeated.
   */
  async ensure(name: string, settings: RequestedSettings): Promise<{ topic: TopicDescription; created: boolean }> {
    await this.#engine.topics.refresh(name)
    const existing = this.#engine.topics.find(name)
    if (existing !== undefined) return { topic: this.#confirmed(existing, settings), created: false }
    try {
      return { topic: await this.create(name, settings, 'topic'), created: true }
    } catch (error) {
      // Somebody else created it meanwhile.
      const winner = this.#engine.topics.find(name)
      const lost = error instanceof BrokerError && error.code === 'TOPIC_ALREADY_EXISTS'
      if (!lost || winner === undefined) throw error
      return { topic: this.#confirmed(winner, settings), created: false }
    }
  }

  /** Raises the number of partitions, alters configs, or both; what is not named stays. All is checked before anything is changed. */
  async alter(name: string, settings: RequestedSettings): Promise<TopicDescription> {
    refuseInternalTopic(name)
    await this.#engine.topics.refresh(name)
    const topic = foundTopic(this.#engine, name)
    const changes = this.#validated(settings, topic.configs)
    const total = settings.partitions === undefined ? undefined : this.#raisedPartitions(topic, settings.partitions)
    // First what the engine may still refuse, for want of room.
    if (total !== undefined && total !== topic.partitionCount) await this.#engine.topics.addPartitions(name, total)
    if (changes.size > 0) await this.#engine.topics.alterConfigs(name, changes)
    return this.describe(name)
  }

  async delete(name: string): Promise<void> {
    refuseInternalTopic(name)
    if (!this.#options.deleteTopicEnable) {
      throw new BrokerError(
        'TOPIC_DELETION_DISABLED',
        `The topic "${name}" was not deleted: this server runs with delete.topic.enable=false.`,
      )
    }
    await lookUpTopic(this.#engine, name)
    await this.#engine.topics.delete(name)
  }

  /** In number order. */
  async partitions(name: string, request: ListRequest): Promise<ListPage<PartitionDescription>> {
    await lookUpTopic(this.#engine, name)
    const all = await this.#engine.topics.partitions(name)
    return pageOf(all, ({ partition }) => partitionKey(partition), `partitions of ${name}`, request, this.#cursors)
  }

  async partition(name: string, partition: number): Promise<PartitionDescription> {
    const topic = await lookUpTopic(this.#engine, name, { partition })
    const all = await this.#engine.topics.partitions(name)
    const found = all.find((description) => description.partition === partition)
    if (found === undefined) throw unknownPartition(name, partition, topic.partitionCount)
    return found
  }

  #described(topic: TopicSummary): TopicDescription {
    return { ...listItem(topic), configs: describeTopicConfigs(topic.configs, this.#defaultsOf(topic.name)) }
  }

  #defaultsOf(topic: string): BrokerTopicDefaults {
    return this.#engine.topics.inheritedConfigs(topic) ?? this.#options.brokerDefaults
  }

  #confirmed(topic: TopicSummary, settings: RequestedSettings): TopicDescription {
    const described = this.#described(topic)
    const differences = this.#differences(described, settings)
    if (differences.length === 0) return described
    const told = differences.map(({ name, requested, actual }) => `${name} is ${actual}, not ${requested}`).join('; ')
    throw new BrokerError(
      'TOPIC_ALREADY_EXISTS',
      `The topic "${topic.name}" exists with other settings: ${told}. Change them with PATCH /topics/${topic.name}.`,
      { facts: { differences } },
    )
  }

  #differences(topic: TopicDescription, settings: RequestedSettings): Difference[] {
    const differences: Difference[] = []
    if (settings.partitions !== undefined && settings.partitions !== topic.partitions) {
      differences.push({
        name: 'partitions',
        requested: String(settings.partitions),
        actual: String(topic.partitions),
      })
    }
    const requested = withoutNulls(this.#validated(settings))
    const wanted = describeTopicConfigs(requested, this.#defaultsOf(topic.name))
    for (const name of requested.keys()) {
      const actual = topic.configs[name]?.value ?? 'unset'
      const value = wanted[name]?.value ?? 'unset'
      if (value !== actual) differences.push({ name, requested: value, actual })
    }
    return differences
  }

  #validated(settings: RequestedSettings, overrides?: ReadonlyMap<string, string>): ReadonlyMap<string, string | null> {
    const { brokerDefaults, isCluster } = this.#options
    const base = { brokerDefaults, isCluster, ...(overrides !== undefined && { overrides }) }
    return validateTopicConfigs(Object.entries(settings.configs ?? {}), base)
  }

  #checkedPartitions(partitions: number): number {
    const { maxPartitionsPerTopic } = this.#options
    if (partitions >= 1 && partitions <= maxPartitionsPerTopic) return partitions
    throw invalidPartitions(
      `The topic cannot have ${partitions} partitions: give 1 to ${maxPartitionsPerTopic} (topic.partitions.max).`,
    )
  }

  #raisedPartitions(topic: TopicSummary, total: number): number {
    if (total < topic.partitionCount) {
      throw invalidPartitions(
        `The topic "${topic.name}" has ${topic.partitionCount} partitions and cannot go back to ${total}: ` +
          'partitions can only be added, for their records would be lost.',
      )
    }
    return this.#checkedPartitions(total)
  }
}

interface Difference {
  readonly name: string
  readonly requested: string
  readonly actual: string
}

function listItem({ name, topicId, internal, partitionCount }: TopicSummary): TopicListItem {
  return { name, topicId, internal, partitions: partitionCount }
}

function withoutNulls(configs: ReadonlyMap<string, string | null>): Map<string, string> {
  const set = new Map<string, string>()
  for (const [name, value] of configs) if (value !== null) set.set(name, value)
  return set
}

function invalidPartitions(detail: string): BrokerError {
  return new BrokerError('INVALID_PARTITIONS', detail, { errors: [{ pointer: '/partitions', detail }] })
}

/** Errors of the store that are about the topic's name say where the request has it. */
function pointedAt(pointer: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof BrokerError) || error.code !== 'INVALID_TOPIC_EXCEPTION') throw error
    throw new BrokerError(error.code, error.message, {
      ...error.options,
      errors: [{ pointer, detail: error.message }],
      cause: error,
    })
  }
}

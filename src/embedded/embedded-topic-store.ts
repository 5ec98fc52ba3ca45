import { BrokerError } from '../broker/broker-error.ts'
import type {
  NewTopic,
  PartitionBounds,
  PartitionDescription,
  TopicStore,
  TopicSummary,
} from '../broker/topic-store.ts'
import type { Catalogue } from './catalogue/catalogue.ts'
import { describePartition, type LogKeepers } from './describe-partition.ts'
import { deleteRecords } from './delete-records.ts'
import type { EmbeddedEngineLimits } from './embedded-engine-options.ts'
import type { LiveTopic } from './live-topic.ts'
import { unknownTopic } from './served-partition.ts'
import type { TopicLifecycle } from './topic-lifecycle.ts'
import type { TopicTable } from './topic-table.ts'

export interface EmbeddedTopicStoreOptions {
  readonly table: TopicTable
  readonly lifecycle: TopicLifecycle
  readonly catalogue: Catalogue
  readonly limits: Pick<EmbeddedEngineLimits, 'partitionsMax' | 'partitionsPerTopicMax'>
  readonly nodeId: number
  readonly keepers: LogKeepers
  /** Throws SERVER_STOPPING once the engine is closing. */
  readonly checkOpen: () => void
  /** Told when a topic was made or has more partitions; must not throw. */
  readonly changed: (topic: string) => void
  /** Told when a topic is gone; must not throw. */
  readonly deleted: (topic: string, topicId: string) => void
}

/** See `TopicStore`. */
export class EmbeddedTopicStore implements TopicStore {
  readonly #options: EmbeddedTopicStoreOptions
  readonly #table: TopicTable
  readonly #underWay = new Set<Promise<unknown>>()
  /** Names of topics that are being made, or whose files are being removed. */
  readonly #busyNames = new Map<string, Promise<unknown>>()
  /** Partitions of creations and enlargements that are not in the table yet. */
  #pendingPartitions = 0

  constructor(options: EmbeddedTopicStoreOptions) {
    this.#options = options
    this.#table = options.table
  }

  /**
   * Of several at a time for one name, the later wait: who is told that the topic exists can find it. So do those that
   * come while the files of an earlier topic of that name are being removed: the directories are called the same.
   */
  async create(topic: NewTopic): Promise<TopicSummary> {
    checkFileNames(topic.name)
    while (this.#busyNames.has(topic.name)) await this.#busyNames.get(topic.name)?.catch(() => undefined)
    this.#options.checkOpen()
    const internal = topic.internal ?? false
    this.#checkPartitionLimits(topic.name, topic.partitionCount, internal ? 0 : topic.partitionCount)
    this.#table.reserve(topic.name)
    const creation = this.#track(this.#createReserved(topic, internal ? 0 : topic.partitionCount))
    this.#busyNames.set(topic.name, creation)
    return creation.finally(() => this.#busyNames.delete(topic.name))
  }

  list(): readonly TopicSummary[] {
    return this.#table.sorted().map((topic) => topic.summary)
  }

  /** Nobody else makes or changes topics here. */
  refresh(): Promise<void> {
    return Promise.resolve()
  }

  inheritedConfigs(): undefined {
    return undefined
  }

  find(topic: string): TopicSummary | undefined {
    return this.#table.get(topic)?.summary
  }

  async partitions(topic: string): Promise<readonly PartitionDescription[]> {
    const { nodeId, keepers } = this.#options
    return this.#live(topic).slots.map((slot) => describePartition(slot, nodeId, keepers))
  }

  async alterConfigs(name: string, changes: ReadonlyMap<string, string | null>): Promise<void> {
    await this.#change(name, async (topic) => {
      const configs = new Map(topic.summary.configs)
      for (const [config, value] of changes) {
        if (value === null) configs.delete(config)
        else configs.set(config, value)
      }
      topic.resolve(configs)
      await this.#options.catalogue.apply({
        kind: 'topic-configs',
        topicId: topic.topicId,
        configs: Object.fromEntries(configs),
      })
      topic.setConfigs(configs)
    })
  }

  async addPartitions(name: string, total: number): Promise<void> {
    await this.#change(name, async (topic) => {
      const present = topic.slots.length
      if (total <= present) {
        throw new BrokerError(
          'INVALID_PARTITIONS',
          `The topic '${name}' has ${present} partitions and cannot be given ${total}: the number can only be raised.`,
          { facts: { partitions: present } },
        )
      }
      const added = topic.internal ? 0 : total - present
      this.#checkPartitionLimits(name, total, added)
      this.#pendingPartitions += added
      try {
        await this.#options.lifecycle.addPartitions(topic, total - present)
      } finally {
        this.#pendingPartitions -= added
      }
      this.#options.changed(name)
    })
  }

  async deleteRecords(name: string, partition: number, before: number | 'latest'): Promise<PartitionBounds> {
    return this.#change(name, (topic) => deleteRecords(this.#options.catalogue, topic, partition, before))
  }

  async delete(name: string): Promise<void> {
    await this.#change(name, async (topic) => {
      const { lifecycle } = this.#options
      await lifecycle.markDeleted(topic)
      this.#table.remove(topic)
      this.#options.deleted(topic.name, topic.topicId)
      const removal = lifecycle.removeDeleted(topic)
      this.#busyNames.set(name, removal)
      await removal
      this.#busyNames.delete(name)
    })
  }

  /** Resolves when no change is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay)
  }

  async #createReserved(topic: NewTopic, counted: number): Promise<TopicSummary> {
    this.#pendingPartitions += counted
    try {
      const live = await this.#options.lifecycle.create(topic)
      this.#table.add(live)
      this.#options.changed(live.name)
      return live.summary
    } catch (error) {
      this.#table.release(topic.name)
      throw error
    } finally {
      this.#pendingPartitions -= counted
    }
  }

  async #change<T>(name: string, step: (topic: LiveTopic) => Promise<T>): Promise<T> {
    this.#options.checkOpen()
    const topic = this.#live(name)
    const change = topic.serially(() => {
      // It may have been deleted, and even made again, while this change waited for its turn.
      if (this.#table.get(name) !== topic) throw unknownTopic(name)
      return step(topic)
    })
    return this.#track(change)
  }

  #live(name: string): LiveTopic {
    const topic = this.#table.get(name)
    if (!topic) throw unknownTopic(name)
    return topic
  }

  async #track<T>(change: Promise<T>): Promise<T> {
    this.#underWay.add(change)
    try {
      return await change
    } finally {
      this.#underWay.delete(change)
    }
  }

  #checkPartitionLimits(name: string, total: number, added: number): void {
    const { partitionsPerTopicMax, partitionsMax } = this.#options.limits
    if (!Number.isSafeInteger(total) || total < 1 || total > partitionsPerTopicMax) {
      throw new BrokerError(
        'INVALID_PARTITIONS',
        `The topic '${name}' cannot have ${total} partitions: 1 to ${partitionsPerTopicMax} are allowed ` +
          `(topic.partitions.max).`,
        { facts: { maximum: partitionsPerTopicMax } },
      )
    }
    const present = this.#partitionCount()
    if (present + added > partitionsMax) {
      throw new BrokerError(
        'INVALID_PARTITIONS',
        `${added} more partitions are too many: there are ${present} of at most ${partitionsMax} (partitions.max). ` +
          `Delete topics, or raise the limit.`,
        { facts: { maximum: partitionsMax, partitions: present } },
      )
    }
  }

  #partitionCount(): number {
    let count = this.#pendingPartitions
    for (const topic of this.#table.sorted()) if (!topic.internal) count += topic.slots.length
    return count
  }
}

/** Partition 0 of a topic of this name would be called like the log directory's first journal file. */
function checkFileNames(name: string): void {
  if (name !== 'journal') return
  throw new BrokerError(
    'INVALID_TOPIC_EXCEPTION',
    `A topic cannot be called 'journal': its partitions' directories would be called like the files of the commit ` +
      `journal. Choose another name.`,
  )
}

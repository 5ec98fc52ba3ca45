import { BrokerError } from './broker-error.ts'
import { checkTopicName, refuseInternalTopic } from './topic-name.ts'
import type { TopicStore, TopicSummary } from './topic-store.ts'

export interface TopicAutoCreationOptions {
  /** `auto.create.topics.enable` */
  readonly enabled: boolean
  /** `num.partitions` */
  readonly numPartitions: number
}

/** Finds topics for those who write to them, and makes the ones that are missing where the server is set to. */
export class TopicAutoCreation {
  readonly #topics: Pick<TopicStore, 'find' | 'create' | 'refresh'>
  readonly #options: TopicAutoCreationOptions
  readonly #creating = new Map<string, Promise<TopicSummary>>()

  constructor(topics: Pick<TopicStore, 'find' | 'create' | 'refresh'>, options: TopicAutoCreationOptions) {
    this.#topics = topics
    this.#options = options
  }

  find(name: string): TopicSummary | undefined {
    return this.#topics.find(name)
  }

  /** The same topic as it is now, asked of the engine again: for a partition that it seems not to have. */
  async lookAgain(topic: TopicSummary): Promise<TopicSummary> {
    await this.#topics.refresh(topic.name)
    return this.#topics.find(topic.name) ?? topic
  }

  /**
   * The topic there is, else a new one with `num.partitions` partitions and no overrides; requests that come at the
   * same time get the same one. Rejects with UNKNOWN_TOPIC_OR_PARTITION where `auto.create.topics.enable=false`,
   * INVALID_TOPIC_EXCEPTION, or what the store says.
   *
   * @param pointer where the request has the name: by default in the path
   */
  async findOrCreate(name: string, pointer = 'topic'): Promise<TopicSummary> {
    const topic = this.#topics.find(name)
    if (topic !== undefined) return topic
    checkTopicName(name, pointer)
    refuseInternalTopic(name, pointer)
    const creating = this.#creating.get(name) ?? this.#lookOrCreate(name, pointer)
    this.#creating.set(name, creating)
    return creating.finally(() => this.#creating.delete(name))
  }

  async #lookOrCreate(name: string, pointer: string): Promise<TopicSummary> {
    await this.#topics.refresh(name)
    const found = this.#topics.find(name)
    if (found !== undefined) return found
    if (!this.#options.enabled) throw unknownTopic(name, pointer)
    return this.#create(name)
  }

  async #create(name: string): Promise<TopicSummary> {
    try {
      return await this.#topics.create({ name, partitionCount: this.#options.numPartitions, configs: new Map() })
    } catch (error) {
      // Somebody created it by name meanwhile.
      const winner = this.#topics.find(name)
      if (winner === undefined || !(error instanceof BrokerError) || error.code !== 'TOPIC_ALREADY_EXISTS') throw error
      return winner
    }
  }
}

function unknownTopic(name: string, pointer: string): BrokerError {
  const detail =
    `There is no topic "${name}", and this server runs with auto.create.topics.enable=false. ` +
    `Create it with PUT /topics/${name}.`
  return new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', detail, { errors: [{ pointer, detail }] })
}

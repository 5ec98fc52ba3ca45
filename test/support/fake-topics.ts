import { BrokerError } from '../../src/broker/broker-error.ts'
import type { NewTopic, TopicStore, TopicSummary } from '../../src/broker/topic-store.ts'

/** Finds and creates topics in memory; a creation takes as long as its caller says. */
export class FakeTopics implements Pick<TopicStore, 'find' | 'create' | 'refresh'> {
  readonly created: NewTopic[] = []
  /** Awaited before a creation takes effect. */
  beforeCreate: Promise<void> = Promise.resolve()
  readonly #topics = new Map<string, TopicSummary>()

  find(topic: string): TopicSummary | undefined {
    return this.#topics.get(topic)
  }

  refresh(): Promise<void> {
    return Promise.resolve()
  }

  async create(topic: NewTopic): Promise<TopicSummary> {
    this.created.push(topic)
    await this.beforeCreate
    if (this.#topics.has(topic.name)) throw new BrokerError('TOPIC_ALREADY_EXISTS', 'it exists', { stored: 'no' })
    return this.add(topic)
  }

  add({ name, partitionCount, configs, internal = false }: NewTopic): TopicSummary {
    const summary = { name, topicId: `id-of-${name}`, partitionCount, internal, configs }
    this.#topics.set(name, summary)
    return summary
  }
}

import type { TopicStore } from '../../broker/topic-store.ts'
import type { KnownTopic, TopicLookup } from './membership/topic-lookup.ts'

/**
 * The engine's topics by name and by id. The store tells what there is; the names of ids are remembered from when the
 * topics were seen, so that finding one by id costs as little as by name.
 */
export class TopicDirectory implements TopicLookup {
  readonly #topics: Pick<TopicStore, 'find' | 'list'>
  readonly #names = new Map<string, string>()

  constructor(topics: Pick<TopicStore, 'find' | 'list'>) {
    this.#topics = topics
  }

  /** Sees the topics that are there already. */
  seeAll(): void {
    for (const { topicId, name } of this.#topics.list()) this.#names.set(topicId, name)
  }

  /** To be called for every topic made after `seeAll`. */
  see(name: string): void {
    const topic = this.#topics.find(name)
    if (topic !== undefined) this.#names.set(topic.topicId, name)
  }

  /** The topic is gone. */
  forget(topicId: string): void {
    this.#names.delete(topicId)
  }

  byName(name: string): KnownTopic | undefined {
    return this.#topics.find(name)
  }

  byId(topicId: string): KnownTopic | undefined {
    const name = this.#names.get(topicId)
    const topic = name === undefined ? undefined : this.#topics.find(name)
    return topic?.topicId === topicId ? topic : undefined
  }
}

import { resolveTopicConfig, type BrokerTopicDefaults } from './topic-config-definitions.ts'
import type { TopicConfig } from './topic-config.ts'
import type { TopicSummary } from './topic-store.ts'

/** The settings in force for topics, resolved once for each state of a topic's overrides. */
export class TopicSettings {
  readonly #brokerDefaults: BrokerTopicDefaults
  /** By the overrides themselves: a topic store replaces that map when it alters them, and never changes it. */
  readonly #resolved = new WeakMap<ReadonlyMap<string, string>, TopicConfig>()

  constructor(brokerDefaults: BrokerTopicDefaults) {
    this.#brokerDefaults = brokerDefaults
  }

  /** Bound, to be passed on as a function. */
  readonly configOf = (topic: TopicSummary): TopicConfig => {
    const known = this.#resolved.get(topic.configs)
    if (known !== undefined) return known
    const config = resolveTopicConfig(this.#brokerDefaults, topic.configs)
    this.#resolved.set(topic.configs, config)
    return config
  }
}

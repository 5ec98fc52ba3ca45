import { resolveTopicConfig, type BrokerTopicDefaults } from './topic-config-definitions.ts'
import type { TopicConfig } from './topic-config.ts'
import type { TopicStore, TopicSummary } from './topic-store.ts'

/** The settings in force for topics, resolved once for each state of a topic's overrides. */
export class TopicSettings {
  readonly #brokerDefaults: BrokerTopicDefaults
  readonly #inheritedOf: TopicStore['inheritedConfigs']
  /** By the overrides themselves: a topic store replaces that map when it alters them, and never changes it. */
  readonly #resolved = new WeakMap<ReadonlyMap<string, string>, TopicConfig>()

  /** @param inheritedOf what topics have instead of `brokerDefaults`, where the engine says so */
  constructor(brokerDefaults: BrokerTopicDefaults, inheritedOf: TopicStore['inheritedConfigs'] = () => undefined) {
    this.#brokerDefaults = brokerDefaults
    this.#inheritedOf = inheritedOf
  }

  /** Bound, to be passed on as a function. */
  readonly configOf = (topic: TopicSummary): TopicConfig => {
    const known = this.#resolved.get(topic.configs)
    if (known !== undefined) return known
    const config = resolveTopicConfig(this.#inheritedOf(topic.name) ?? this.#brokerDefaults, topic.configs)
    this.#resolved.set(topic.configs, config)
    return config
  }
}

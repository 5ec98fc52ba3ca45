import { BrokerError } from '../../broker/broker-error.ts'
import type { TopicSummary } from '../../broker/topic-store.ts'
import type { ClusterClient } from '../cluster-client.ts'
import type { ClusterTopic } from '../cluster-metadata.ts'
import { readTopicConfigs, type ClusterTopicConfigs } from './topic-configs.ts'

/** Kept by the gateways, and by nobody else. */
const OURS = /^__posthorn_/

/** Topics with their settings, as far as both are known of the cluster. A topic comes in when its settings are there. */
export class TopicCache {
  readonly #client: ClusterClient
  /** By topic id. */
  readonly #configs = new Map<string, ClusterTopicConfigs>()
  #summaries: ReadonlyMap<string, TopicSummary> = new Map()
  #sorted: readonly TopicSummary[] = []
  /** In the background. */
  #isLoading = false
  #loadedAt = Number.NEGATIVE_INFINITY
  readonly #stopListening: () => void

  constructor(client: ClusterClient) {
    this.#client = client
    this.#stopListening = client.onMetadata(() => this.#follow())
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

  configsOf(topicId: string): ClusterTopicConfigs | undefined {
    return this.#configs.get(topicId)
  }

  /** Topics that are known of the cluster, and cannot be found for want of their settings. */
  unknownNames(): string[] {
    const topics = [...this.#client.metadata.topics.values()]
    return topics.filter(({ topicId }) => !this.#configs.has(topicId)).map(({ name }) => name)
  }

  /** After new metadata: topics of which no settings are known yet come in when those are there. */
  #follow(): void {
    this.#rebuild()
    const { clock, metadataMaxAgeMs } = this.#client.options
    const old = clock.monotonic() - this.#loadedAt >= metadataMaxAgeMs
    const names = old ? [...this.#client.metadata.topics.keys()] : this.unknownNames()
    if (names.length > 0 && !this.#isLoading) void this.#loadInTheBackground(names, old)
  }

  async #loadInTheBackground(names: readonly string[], all: boolean): Promise<void> {
    const { clock } = this.#client.options
    this.#isLoading = true
    try {
      await this.load(names)
      if (all) this.#loadedAt = clock.monotonic()
      // Those that came to be known meanwhile.
      await this.load(this.unknownNames())
    } catch (error) {
      // The next metadata begins anew.
      if (!(error instanceof BrokerError)) throw error
    } finally {
      this.#isLoading = false
    }
  }

  /** Reads the settings of these topics; those that the node asked does not know yet stay as they are. */
  async load(names: readonly string[]): Promise<void> {
    if (names.length === 0) return
    const read = await readTopicConfigs(this.#client, names)
    for (const name of names) {
      const topicId = this.#client.metadata.topics.get(name)?.topicId
      const configs = read.get(name)
      if (topicId !== undefined && configs !== undefined) this.#remember(topicId, configs)
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

function sameTexts(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value)
}

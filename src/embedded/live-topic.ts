import type { TopicConfig } from '../broker/topic-config.ts'
import type { TopicSummary } from '../broker/topic-store.ts'
import type { CatalogueTopic } from './catalogue/catalogue-state.ts'
import type { DirectoryHost } from './directory-host.ts'
import type { LogDirectory } from './directory/log-directory.ts'
import type { PartitionLog } from './log/partition-log.ts'

/** One partition of a live topic, where it is served. */
export interface ServedPartition {
  readonly partition: number
  readonly host: DirectoryHost
  readonly log: PartitionLog
}

/** One that cannot be: its directory is offline, or what the directory holds is not it. */
export interface AbsentPartition {
  readonly partition: number
  readonly host?: undefined
  /** Undefined where `log.dirs` no longer names it. */
  readonly directory: LogDirectory | undefined
  readonly reason: string
}

export type PartitionSlot = ServedPartition | AbsentPartition

/** A topic that is served: what appends and reads look up, all in memory. */
export class LiveTopic {
  readonly name: string
  readonly topicId: string
  readonly internal: boolean
  readonly #resolve: (overrides: ReadonlyMap<string, string>) => TopicConfig
  #config: TopicConfig
  #slots: readonly PartitionSlot[] = []
  #summary: TopicSummary
  #work: Promise<unknown> = Promise.resolve()

  constructor(topic: CatalogueTopic, resolve: (overrides: ReadonlyMap<string, string>) => TopicConfig) {
    this.name = topic.name
    this.topicId = topic.topicId
    this.internal = topic.internal
    this.#resolve = resolve
    const configs = new Map(Object.entries(topic.configs))
    this.#config = resolve(configs)
    this.#summary = { name: topic.name, topicId: topic.topicId, partitionCount: 0, internal: topic.internal, configs }
  }

  /** Bound, so that logs can ask at each append. */
  readonly config = (): TopicConfig => this.#config

  get slots(): readonly PartitionSlot[] {
    return this.#slots
  }

  set slots(slots: readonly PartitionSlot[]) {
    this.#slots = slots
    this.#summary = { ...this.#summary, partitionCount: slots.length }
  }

  get summary(): TopicSummary {
    return this.#summary
  }

  /** The topic's config with these overrides; throws BrokerError where they do not fit together. */
  resolve(overrides: ReadonlyMap<string, string>): TopicConfig {
    return this.#resolve(overrides)
  }

  setConfigs(configs: ReadonlyMap<string, string>): void {
    this.#config = this.#resolve(configs)
    this.#summary = { ...this.#summary, configs }
  }

  /** Changes to one topic happen one behind the other. */
  serially<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#work.then(step)
    this.#work = result.catch(() => undefined)
    return result
  }
}

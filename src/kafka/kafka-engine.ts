import { BrokerError } from '../broker/broker-error.ts'
import { holdProcess } from '../broker/clock.ts'
import type { EngineStatistics } from '../broker/engine-statistics.ts'
import type { AppendRequest, AppendResult } from '../broker/append-request.ts'
import type { LogDirDescription } from '../broker/log-dir-description.ts'
import type {
  ClusterDescription,
  Engine,
  OffsetAnswer,
  OffsetQuery,
  ReadRequest,
  ReadResult,
  Trouble,
} from '../broker/engine.ts'
import type { GroupCoordinator } from '../broker/group-coordinator.ts'
import type { GroupMembership } from '../broker/group-membership.ts'
import type { Producers } from '../broker/publish-claim.ts'
import type { TopicConfig } from '../broker/topic-config.ts'
import type { TopicSummary } from '../broker/topic-store.ts'
import { ClusterClient } from './cluster-client.ts'
import type { ClusterOptions } from './cluster-options.ts'
import { checkClusterVersion } from './cluster-version.ts'
import { ClusterWatch } from './cluster-watch.ts'
import { ClusterLogDirs } from './describe-log-dirs.ts'
import type { EngineContext, EngineLimits, FetchPart, GroupPart, ProducePart } from './engine-parts.ts'
import { createFetchPart } from './fetch/fetch-part.ts'
import { createGroupPart } from './groups/group-part.ts'
import { createProducePart } from './produce/produce-part.ts'
import { stoppingError } from './stopping-error.ts'
import { KafkaTopicStore } from './topics/kafka-topic-store.ts'

export interface KafkaEngineOptions extends ClusterOptions {
  readonly limits: EngineLimits
  /** `default.replication.factor`: of topics made here; −1 = as the cluster is set. */
  readonly replicationFactor: number
  /** The settings in force for a topic with these own ones, where its brokers gave it the others. */
  readonly resolveTopicConfig: (
    inherited: ReadonlyMap<string, string>,
    overrides: ReadonlyMap<string, string>,
  ) => TopicConfig
}

/** See `Engine`: a gateway in front of a Kafka cluster. It keeps nothing that another gateway would need. */
export class KafkaEngine implements Engine {
  readonly topics: KafkaTopicStore
  readonly #client: ClusterClient
  readonly #watch: ClusterWatch
  readonly #logDirs: ClusterLogDirs
  readonly #produce: ProducePart
  readonly #fetch: FetchPart
  readonly #groups: GroupPart
  #state: 'open' | 'closing' | 'closed' = 'open'
  #closing: Promise<void> | undefined

  private constructor(
    options: KafkaEngineOptions,
    client: ClusterClient,
    watch: ClusterWatch,
    topics: KafkaTopicStore,
  ) {
    this.#client = client
    this.#watch = watch
    this.#logDirs = new ClusterLogDirs(client)
    this.topics = topics
    const context: EngineContext = {
      client,
      topics,
      topicConfigOf: rememberedConfigs(options, topics),
      clock: options.clock,
      logger: options.logger,
      random: options.random,
      limits: options.limits,
    }
    this.#fetch = createFetchPart(context)
    this.#produce = createProducePart(context, this.#fetch)
    this.#groups = createGroupPart(context)
  }

  /** Rejects with StartupError where the cluster cannot be reached, does not take the credentials, or is too old. */
  static async open(options: KafkaEngineOptions): Promise<KafkaEngine> {
    const client = new ClusterClient(options)
    const watch = new ClusterWatch(client)
    const topics = new KafkaTopicStore(client, options.replicationFactor)
    const letGo = holdProcess()
    try {
      await watch.firstContact()
      await checkClusterVersion(client)
      await topics.load()
      watch.start()
      return new KafkaEngine(options, client, watch, topics)
    } catch (error) {
      await client.close()
      throw error
    } finally {
      letGo()
    }
  }

  get groups(): GroupCoordinator {
    return this.#groups.groups
  }

  get membership(): GroupMembership {
    return this.#groups.membership
  }

  get producers(): Producers {
    return this.#produce.producers
  }

  append(request: AppendRequest): Promise<AppendResult> {
    return this.#state === 'open' ? this.#produce.append(request) : Promise.reject(stoppingError())
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    this.#checkReadable()
    return this.#fetch.read(request)
  }

  async listOffsets(queries: readonly OffsetQuery[]): Promise<readonly OffsetAnswer[]> {
    this.#checkReadable()
    return this.#fetch.listOffsets(queries)
  }

  /** As it was last seen, where it does not answer now. */
  async cluster(): Promise<ClusterDescription> {
    await this.#client.refreshNodes().catch((error: unknown) => {
      if (!(error instanceof BrokerError)) throw error
    })
    const { clusterId, controllerId, nodes } = this.#client.metadata
    return {
      clusterId,
      controllerId,
      engine: 'kafka',
      nodes: [...nodes.values()].map(({ nodeId, ...rest }) => ({ id: nodeId, ...rest })).sort((a, b) => a.id - b.id),
    }
  }

  logDirs(): Promise<readonly LogDirDescription[]> {
    return this.#logDirs.describe()
  }

  troubles(): readonly Trouble[] {
    return this.#watch.troubles()
  }

  statistics(): EngineStatistics {
    const topics = this.topics.list()
    return {
      directories: [],
      topicCount: topics.length,
      partitionCount: topics.reduce((sum, { partitionCount }) => sum + partitionCount, 0),
      openFiles: 0,
      producerStateBytes: this.#produce.producerStateBytes,
      fencedPartitions: 0,
      keeping: {
        removedSegments: 0,
        removedBytes: 0,
        cleanings: 0,
        cleanedBytesRead: 0,
        cleanedBytesKept: 0,
        uncleanablePartitions: 0,
      },
      shed: { 'produce-bytes': this.#produce.refusals, 'fetch-waiting': this.#fetch.refusals },
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#state = 'closing'
    this.#watch.stop()
    this.topics.close()
    await Promise.all([this.#fetch.close(), this.#groups.close(), this.#produce.close()])
    this.#state = 'closed'
    await this.#client.close()
  }

  #checkReadable(): void {
    if (this.#state === 'closed') throw stoppingError()
  }
}

/** A topic's settings are resolved once for each state of them: the store replaces the map of a topic that has others. */
function rememberedConfigs(
  { resolveTopicConfig }: KafkaEngineOptions,
  topics: KafkaTopicStore,
): (topic: TopicSummary) => TopicConfig {
  const resolved = new WeakMap<ReadonlyMap<string, string>, TopicConfig>()
  return ({ name, configs }) => {
    const known = resolved.get(configs) ?? resolveTopicConfig(topics.inheritedConfigs(name) ?? new Map(), configs)
    resolved.set(configs, known)
    return known
  }
}

import { BrokerError } from '../broker/broker-error.ts'
import type { EngineStatistics } from '../broker/engine-statistics.ts'
import type {
  AppendRequest,
  AppendResult,
  ClusterDescription,
  Engine,
  LogDirDescription,
  OffsetAnswer,
  OffsetQuery,
  ReadRequest,
  ReadResult,
  Trouble,
} from '../broker/engine.ts'
import type { GroupMembership } from '../broker/group-membership.ts'
import { AppendRouter } from './append-router.ts'
import { Cleaner } from './cleaning/cleaner.ts'
import type { LogDirectory } from './directory/log-directory.ts'
import { describeLogDirs, engineStatistics, engineTroubles } from './describe-engine.ts'
import type { DirectoryHost } from './directory-host.ts'
import type { EmbeddedEngineOptions } from './embedded-engine-options.ts'
import { EmbeddedTopicStore } from './embedded-topic-store.ts'
import { EmbeddedGroupCoordinator } from './groups/embedded-group-coordinator.ts'
import { lookUpOffset } from './offset-lookup.ts'
import { PartitionFetch } from './partition-fetch.ts'
import { PartitionPlacer } from './partition-placer.ts'
import { EmbeddedProducers } from './producers/embedded-producers.ts'
import { lastOffsetsOfProducers } from './producers/last-offsets.ts'
import { doubtLostParts } from './producers/lost-parts.ts'
import { RequestExpiry } from './producers/request-expiry.ts'
import { ReadWaiter } from './read-waiter.ts'
import { Retention } from './retention/retention.ts'
import { Scrubber } from './scrub/scrubber.ts'
import { SpaceWatch } from './space-watch.ts'
import { stampingClock } from './stamping-clock.ts'
import { startStorage, stopStorage, type Storage } from './storage.ts'
import { TopicLifecycle } from './topic-lifecycle.ts'

/** See `Engine`: topics, records and consumer groups on this machine's disks. */
export class EmbeddedEngine implements Engine {
  readonly topics: EmbeddedTopicStore
  readonly groups: EmbeddedGroupCoordinator
  readonly membership: GroupMembership
  readonly producers: EmbeddedProducers
  readonly #options: EmbeddedEngineOptions
  readonly #storage: Storage
  readonly #router: AppendRouter
  readonly #waiter: ReadWaiter
  readonly #fetch: PartitionFetch
  readonly #spaceWatch: SpaceWatch
  readonly #expiry: RequestExpiry
  readonly #retention: Retention
  readonly #cleaner: Cleaner
  readonly #scrubber: Scrubber
  #state: 'open' | 'closing' | 'closed' = 'open'
  #closing: Promise<void> | undefined

  private constructor(options: EmbeddedEngineOptions, storage: Storage) {
    const { clock, logger, limits, nodeId, groups } = options
    const { catalogue, hosts, table } = storage
    this.#options = options
    this.#storage = storage
    this.#router = new AppendRouter(table, hosts, limits, clock)
    this.#waiter = new ReadWaiter(clock, limits.waitingReadsMax)
    this.#fetch = new PartitionFetch(table, this.#waiter, clock)
    this.#spaceWatch = new SpaceWatch(storage, clock, logger)
    const { deletionClock } = storage.clockWatch
    const stamps = stampingClock(clock, deletionClock)
    this.producers = new EmbeddedProducers({
      memory: storage.requests,
      topic: (name) => table.get(name)?.summary,
      append: (topicId, request, facts) =>
        this.#state === 'open' ? this.#router.appendKnown(topicId, request, facts) : Promise.reject(stopping()),
      factsAway: () => storage.directories.find((directory) => isAway(directory, hosts))?.path,
      checkOpen: () => this.#checkOpen(),
      clock: stamps,
    })
    const { expirationCheckIntervalMs } = options.producers
    this.#expiry = new RequestExpiry(clock, expirationCheckIntervalMs, () => storage.requests.sweep())
    const { retentionCheckIntervalMs: checkIntervalMs } = options
    const isPaused = (): boolean => catalogue.rebuiltMs !== undefined
    this.#retention = new Retention({ ...options, checkIntervalMs, hosts: () => hosts, deletionClock, isPaused })
    this.#cleaner = new Cleaner({
      ...options,
      settings: options.cleaning,
      hosts: () => hosts,
      deletionClock,
      isPaused,
      lastOffsetsOfProducers: (log) => lastOffsetsOfProducers(storage.requests, log, clock),
    })
    this.#scrubber = new Scrubber({ ...options, settings: options.scrub, hosts: () => hosts })
    const placer = new PartitionPlacer(catalogue, hosts)
    const lifecycle = new TopicLifecycle({ ...options, catalogue, hosts, placer })
    this.topics = new EmbeddedTopicStore({
      table,
      lifecycle,
      catalogue,
      limits,
      nodeId,
      keepers: { retention: this.#retention, cleaner: this.#cleaner },
      checkOpen: () => this.#checkOpen(),
      changed: (topic) => void this.groups.topicChanged(topic),
      deleted: (topic, topicId) => {
        void this.groups.topicDeleted(topic, topicId)
        this.producers.topicDeleted(topicId)
      },
    })
    // The coordinator's own appends go past the gate of `append`: it still commits while the engine is closing.
    const log = {
      append: (request: AppendRequest) => this.#router.append(request),
      read: (request: ReadRequest) => this.#fetch.read(request),
    }
    for (const host of hosts) host.log.beforeRemoval = (logs) => this.#cleaner.leave(logs)
    this.groups = new EmbeddedGroupCoordinator({
      log,
      topics: this.topics,
      clock: stamps,
      logger,
      limits: groups,
      expiry: {
        ...options.offsetsRetention,
        mayDeleteAfter: (ageMs) => !isPaused() && deletionClock.mayDeleteAfter(ageMs),
      },
    })
    this.membership = this.groups.membership
  }

  /** Recovers what is on disk, then serves. Rejects with StartupError where it must not start; then all is released. */
  static async open(options: EmbeddedEngineOptions): Promise<EmbeddedEngine> {
    const storage = await startStorage(options)
    const engine = new EmbeddedEngine(options, storage)
    engine.#spaceWatch.start()
    engine.#scrubber.start()
    engine.#expiry.start()
    engine.#doubtLostParts()
    engine.#retention.start()
    engine.#cleaner.start()
    void engine.groups.load()
    return engine
  }

  #doubtLostParts(): void {
    const { hosts, requests, table } = this.#storage
    if (!hosts.some(({ log }) => log.factsLostMs > 0)) return
    const lostMsOf = (topicId: string, partition: number): number =>
      table.byId(topicId)?.slots[partition]?.host?.log.factsLostMs ?? 0
    doubtLostParts(requests.all(), lostMsOf, this.producers)
  }

  append(request: AppendRequest): Promise<AppendResult> {
    return this.#state === 'open' ? this.#router.append(request) : Promise.reject(stopping())
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    this.#checkReadable()
    return this.#fetch.read(request)
  }

  async listOffsets(queries: readonly OffsetQuery[]): Promise<readonly OffsetAnswer[]> {
    this.#checkReadable()
    return Promise.all(queries.map((query) => lookUpOffset(this.#storage.table, query)))
  }

  async cluster(): Promise<ClusterDescription> {
    const { nodeId, advertisedListener, rack } = this.#options
    return {
      clusterId: this.#storage.catalogue.clusterId,
      controllerId: nodeId,
      engine: 'embedded',
      nodes: [{ id: nodeId, ...advertisedListener(), ...(rack !== undefined && { rack }) }],
    }
  }

  logDirs(): Promise<readonly LogDirDescription[]> {
    return describeLogDirs(this.#storage, (host) => this.#scrubber.report(host))
  }

  troubles(): readonly Trouble[] {
    return [
      ...engineTroubles(this.#storage),
      ...this.#storage.clockWatch.troubles(),
      ...this.#cleaner.troubles(),
      ...this.groups.troubles(),
    ]
  }

  statistics(): EngineStatistics {
    const shed = { 'produce-bytes': this.#router.refusals, 'fetch-waiting': this.#waiter.refusals }
    const keeping = { ...this.#retention.totals, ...this.#cleaner.totals }
    const scrubs = this.#storage.hosts.map((host) => ({ path: host.directory.path, ...this.#scrubber.report(host) }))
    return { ...engineStatistics(this.#storage), keeping, scrubs, shed }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#state = 'closing'
    this.#waiter.close()
    this.producers.close()
    await this.topics.settled()
    await this.groups.close()
    await this.#router.settled()
    await this.#scrubber.stop()
    await this.#cleaner.stop()
    await this.#retention.stop()
    await this.#spaceWatch.stop()
    this.#expiry.stop()
    this.#state = 'closed'
    await stopStorage(this.#storage, this.#options)
  }

  #checkOpen(): void {
    if (this.#state !== 'open') throw stopping()
  }

  /** Reads go on, without waiting, while appends under way are finished. */
  #checkReadable(): void {
    if (this.#state === 'closed') throw stopping()
  }
}

/** It was offline, or could not be recovered, when this start read back what is known of requests. */
function isAway(directory: LogDirectory, hosts: readonly DirectoryHost[]): boolean {
  return hosts.find((host) => host.directory === directory)?.log.factsAway ?? true
}

function stopping(): BrokerError {
  return new BrokerError('SERVER_STOPPING', 'The server is stopping. Send the request again when it is back.', {
    stored: 'no',
    retryAfterSeconds: 5,
  })
}

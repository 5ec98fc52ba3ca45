import { BrokerError } from '../broker/broker-error.ts'
import type { Clock } from '../broker/clock.ts'
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
import type { GroupMembership } from '../broker/group-membership.ts'
import { AppendRouter } from './append-router.ts'
import type { Cleaner } from './cleaning/cleaner.ts'
import type { LogDirectory } from './directory/log-directory.ts'
import { describeLogDirs, engineStatistics, engineTroubles } from './describe-engine.ts'
import type { DirectoryHost } from './directory-host.ts'
import type { EmbeddedEngineOptions } from './embedded-engine-options.ts'
import { EmbeddedTopicStore } from './embedded-topic-store.ts'
import { EmbeddedGroupCoordinator } from './groups/embedded-group-coordinator.ts'
import { type LogKeepers, logKeepers } from './log-keepers.ts'
import { lookUpOffset } from './offset-lookup.ts'
import { PartitionFetch } from './partition-fetch.ts'
import { PartitionPlacer } from './partition-placer.ts'
import { EmbeddedProducers } from './producers/embedded-producers.ts'
import { doubtLostParts } from './producers/lost-parts.ts'
import { RequestExpiry } from './producers/request-expiry.ts'
import { ReadWaiter } from './read-waiter.ts'
import type { Retention } from './retention/retention.ts'
import type { Scrubber } from './scrub/scrubber.ts'
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
  /** Of what expires. */
  readonly #stamps: Clock
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
    const { clock, logger, limits, producers } = options
    const { catalogue, hosts, table, requests } = storage
    this.#options = options
    this.#storage = storage
    this.#stamps = stampingClock(clock, storage.clockWatch.deletionClock)
    this.#router = new AppendRouter(table, hosts, limits, clock)
    this.#waiter = new ReadWaiter(clock, limits.waitingReadsMax)
    this.#fetch = new PartitionFetch(table, this.#waiter, clock)
    this.#spaceWatch = new SpaceWatch(storage, clock, logger)
    this.#expiry = new RequestExpiry(clock, producers.expirationCheckIntervalMs, () => requests.sweep())
    const isPaused = (): boolean => catalogue.rebuiltMs !== undefined
    const keepers = logKeepers(options, storage, isPaused)
    this.#retention = keepers.retention
    this.#cleaner = keepers.cleaner
    this.#scrubber = keepers.scrubber
    for (const host of hosts) host.log.beforeRemoval = (logs) => this.#cleaner.leave(logs)
    this.producers = this.#makeProducers()
    this.topics = this.#makeTopics(keepers)
    this.groups = this.#makeCoordinator(isPaused)
    this.membership = this.groups.membership
  }

  #makeProducers(): EmbeddedProducers {
    const { requests, table, directories, hosts } = this.#storage
    return new EmbeddedProducers({
      memory: requests,
      topic: (name) => table.get(name)?.summary,
      append: (topicId, request, facts) =>
        this.#state === 'open' ? this.#router.appendKnown(topicId, request, facts) : Promise.reject(stopping()),
      factsAway: () => directories.find((directory) => isAway(directory, hosts))?.path,
      checkOpen: () => this.#checkOpen(),
      clock: this.#stamps,
    })
  }

  #makeTopics(keepers: LogKeepers): EmbeddedTopicStore {
    const { limits, nodeId } = this.#options
    const { catalogue, hosts, table } = this.#storage
    const placer = new PartitionPlacer(catalogue, hosts)
    return new EmbeddedTopicStore({
      table,
      lifecycle: new TopicLifecycle({ ...this.#options, catalogue, hosts, placer }),
      catalogue,
      limits,
      nodeId,
      keepers,
      checkOpen: () => this.#checkOpen(),
      changed: (topic) => void this.groups.topicChanged(topic),
      deleted: (topic, topicId) => {
        void this.groups.topicDeleted(topic, topicId)
        this.producers.topicDeleted(topicId)
      },
    })
  }

  #makeCoordinator(isPaused: () => boolean): EmbeddedGroupCoordinator {
    const { logger, groups, offsetsRetention } = this.#options
    const { deletionClock } = this.#storage.clockWatch
    return new EmbeddedGroupCoordinator({
      // Its own appends go past the gate of `append`: it still commits while the engine is closing.
      log: { append: (request) => this.#router.append(request), read: (request) => this.#fetch.read(request) },
      topics: this.topics,
      clock: this.#stamps,
      logger,
      limits: groups,
      expiry: {
        ...offsetsRetention,
        mayDeleteAfter: (ageMs) => !isPaused() && deletionClock.mayDeleteAfter(ageMs),
      },
    })
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
      ...this.#scrubber.troubles(),
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

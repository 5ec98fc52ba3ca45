import { BrokerError } from '../broker/broker-error.ts'
import type { Logger } from '../broker/logger.ts'
import type { TopicConfig } from '../broker/topic-config.ts'
import type { NewTopic } from '../broker/topic-store.ts'
import type { CatalogueChange, CataloguePartition, CatalogueTopic } from './catalogue/catalogue-state.ts'
import type { Catalogue } from './catalogue/catalogue.ts'
import type { DirectoryHost } from './directory-host.ts'
import { LiveTopic, type PartitionSlot, type ServedPartition } from './live-topic.ts'
import type { PartitionPlacer } from './partition-placer.ts'
import { errorMessage } from './startup-error.ts'
import { newUuid } from './uuid.ts'

export interface TopicLifecycleOptions {
  readonly catalogue: Catalogue
  readonly hosts: readonly DirectoryHost[]
  readonly placer: PartitionPlacer
  readonly resolveTopicConfig: (overrides: ReadonlyMap<string, string>) => TopicConfig
  readonly random: (sizeBytes: number) => Uint8Array
  readonly logger: Logger
}

/**
 * How topics come into being, grow and go, so that a crash at any step leaves a topic whole or none: the catalogue says
 * `creating` before the first file and `live` behind the last; `deleting` before the first file goes, and forgets the
 * topic behind the last. The next start removes whatever is in between.
 */
export class TopicLifecycle {
  readonly #options: TopicLifecycleOptions
  readonly #hostById: ReadonlyMap<string, DirectoryHost>
  /** By name of a topic that was not wholly created: how the catalogue is to forget it, which it had no room for. */
  readonly #unfinished = new Map<string, CatalogueChange>()

  constructor(options: TopicLifecycleOptions) {
    this.#options = options
    this.#hostById = new Map(options.hosts.map((host) => [host.directory.directoryId, host]))
  }

  /** Durable when it resolves. The name is reserved by the caller. */
  async create(topic: NewTopic): Promise<LiveTopic> {
    const { catalogue, placer, random, resolveTopicConfig } = this.#options
    const row: CatalogueTopic = {
      topicId: newUuid(random),
      name: topic.name,
      state: 'creating',
      internal: topic.internal ?? false,
      configs: Object.fromEntries(topic.configs),
      partitions: placer.place(topic.partitionCount),
    }
    const live = new LiveTopic(row, resolveTopicConfig)
    await this.#forgetUnfinished(topic.name)
    await catalogue.apply({ kind: 'topic', topic: row })
    try {
      live.slots = await this.#createPartitions(live, row.partitions, 0)
      await catalogue.apply({ kind: 'topic-state', topicId: row.topicId, state: 'live' })
      return live
    } catch (error) {
      await this.#undoCreation(row)
      throw asStorageError(error)
    }
  }

  /** Adds `count` partitions: their files first, then the catalogue; a crash in between leaves empty files that go. */
  async addPartitions(topic: LiveTopic, count: number): Promise<void> {
    const { catalogue, placer } = this.#options
    const partitions = placer.place(count)
    try {
      const slots = await this.#createPartitions(topic, partitions, topic.slots.length)
      await catalogue.apply({ kind: 'partitions', topicId: topic.topicId, partitions })
      topic.slots = [...topic.slots, ...slots]
    } catch (error) {
      throw asStorageError(error)
    }
  }

  /** From here on the topic cannot come back: durable when it resolves. */
  async markDeleted(topic: LiveTopic): Promise<void> {
    try {
      await this.#options.catalogue.apply({ kind: 'topic-state', topicId: topic.topicId, state: 'deleting' })
    } catch (error) {
      // The next start may find it deleted: nothing more is acknowledged that would go with it.
      if (isInDoubt(error)) for (const slot of topic.slots) if (slot.host) slot.log.refuseAppends()
      throw error
    }
  }

  /** Removes the files and, where all of them could be reached, the topic's row. Never rejects: a start completes it. */
  async removeDeleted(topic: LiveTopic): Promise<void> {
    try {
      const hosts = new Set(topic.slots.flatMap((slot) => (slot.host ? [slot.host] : [])))
      await Promise.all(Array.from(hosts, (host) => this.#dropFrom(host, topic.topicId)))
      // What could not be recovered keeps its directory, which the next start can tell by its topic id.
      const complete = topic.slots.every((slot) => slot.host?.directory.online && slot.log.offlineReason === undefined)
      if (complete) await this.#options.catalogue.apply({ kind: 'topic-gone', topicId: topic.topicId })
    } catch (error) {
      this.#options.logger.error(
        { topic: topic.name, topicId: topic.topicId },
        `the deleted topic's files are not all removed, the next start goes on: ${errorMessage(error)}`,
      )
    }
  }

  async #dropFrom(host: DirectoryHost, topicId: string): Promise<void> {
    await host.directory.reserve.spend(() => host.log.dropTopic(topicId))
    host.indexer.dropTopic(topicId)
  }

  async #undoCreation({ name, topicId, partitions }: CatalogueTopic): Promise<void> {
    const { catalogue, logger } = this.#options
    // It may be live all the same: the next start knows, and needs the files.
    if (catalogue.failure !== undefined) return
    const isGone = await this.#dropCreated(name, topicId, partitions)
    this.#unfinished.set(
      name,
      isGone ? { kind: 'topic-gone', topicId } : { kind: 'topic-state', topicId, state: 'deleting' },
    )
    await this.#forgetUnfinished(name).catch((error: unknown) => {
      logger.warn({ topic: name }, `an unfinished creation is not forgotten yet: ${errorMessage(error)}`)
    })
  }

  /** False where files may be left. */
  async #dropCreated(topic: string, topicId: string, partitions: readonly CataloguePartition[]): Promise<boolean> {
    const { hosts, logger } = this.#options
    try {
      await Promise.all(hosts.map((host) => host.log.dropTopic(topicId)))
    } catch (error) {
      logger.warn({ topic }, `what an unfinished creation left goes at the next start: ${errorMessage(error)}`)
      return false
    }
    return partitions.every(({ directoryId }) => this.#hostById.get(directoryId)?.log.state === 'online')
  }

  /** The catalogue takes a name once. */
  async #forgetUnfinished(name: string): Promise<void> {
    const change = this.#unfinished.get(name)
    if (!change) return
    await this.#options.catalogue.apply(change)
    this.#unfinished.delete(name)
  }

  /**
   * Rejects when all directories have done: what one makes behind that would not be undone.
   *
   * @param from number of the first of them
   */
  async #createPartitions(
    topic: LiveTopic,
    partitions: readonly CataloguePartition[],
    from: number,
  ): Promise<readonly PartitionSlot[]> {
    const byDirectory = Map.groupBy(partitions.entries(), ([, { directoryId }]) => directoryId)
    const created = await Promise.allSettled(
      Array.from(byDirectory, ([directoryId, members]) => {
        const numbers = members.map(([index]) => from + index)
        return this.#createIn(directoryId, topic, numbers)
      }),
    )
    const slots = created.flatMap((result) => {
      if (result.status === 'rejected') throw result.reason
      return result.value
    })
    return slots.sort((one, other) => one.partition - other.partition)
  }

  async #createIn(directoryId: string, topic: LiveTopic, numbers: readonly number[]): Promise<ServedPartition[]> {
    const host = this.#hostById.get(directoryId)
    if (!host) throw new Error(`partitions were placed on ${directoryId}, which is not served`)
    const placements = numbers.map((partition) => ({
      topic: topic.name,
      topicId: topic.topicId,
      partition,
      logStartOffset: 0,
      config: topic.config,
    }))
    const logs = await host.directory.reserve.spend(() => host.log.createPartitions(placements))
    return logs.map((log) => ({ partition: log.partition, host, log }))
  }
}

/** Nobody knows whether it was stored. */
function isInDoubt(error: unknown): boolean {
  return error instanceof BrokerError && error.options.stored === 'unknown'
}

function asStorageError(error: unknown): BrokerError {
  if (error instanceof BrokerError) return error
  return new BrokerError('KAFKA_STORAGE_ERROR', `The partitions could not be created: ${errorMessage(error)}.`, {
    stored: 'no',
    cause: error,
  })
}

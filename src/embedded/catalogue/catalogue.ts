import * as path from 'node:path'
import { BrokerError } from '../../broker/broker-error.ts'
import type { Logger } from '../../broker/logger.ts'
import type { LogDirectory } from '../directory/log-directory.ts'
import { isDiskFull } from '../directory/space-reserve.ts'
import type { FileSystem } from '../file-system.ts'
import { errorCode, errorMessage } from '../startup-error.ts'
import { type CatalogueStore, machineDrivers } from '../storage-drivers.ts'
import { SnapshotWriter } from './catalogue-snapshot.ts'
import type { CatalogueChange, CataloguePartition, CatalogueState, CatalogueTopic } from './catalogue-state.ts'

export const CATALOGUE_FILE = 'catalogue.db'

export interface CatalogueOptions {
  /** The directory that holds catalogue.db. */
  readonly home: LogDirectory
  /** Get the snapshots while they are online; may grow during the start. */
  readonly directories: readonly LogDirectory[]
  readonly fileSystem: FileSystem
  readonly logger: Logger
  /** Given: make a new catalogue that holds this. */
  readonly initial?: CatalogueState
  /** Given: was started in advance. */
  readonly store?: CatalogueStore
}

/**
 * Topics and the placement of their partitions: a mirror in memory, read at any time, in front of catalogue.db, written
 * by its own thread. The mirror shows a change once it is durable. Changes are applied one at a time, in the order of
 * the calls.
 */
export class Catalogue {
  readonly #store: CatalogueStore
  readonly #home: LogDirectory
  readonly #snapshots: SnapshotWriter
  readonly #topics = new Map<string, CatalogueTopic>()
  readonly #directories = new Map<string, string>()
  readonly clusterId: string
  #generation: number
  #rebuiltMs: number | undefined
  #work: Promise<unknown> = Promise.resolve()
  #failure: string | undefined

  private constructor(store: CatalogueStore, state: CatalogueState, options: CatalogueOptions) {
    this.#store = store
    this.#home = options.home
    this.clusterId = state.clusterId
    this.#generation = state.generation
    this.#rebuiltMs = state.rebuiltMs
    for (const { directoryId, path: directory } of state.directories) this.#directories.set(directoryId, directory)
    for (const topic of state.topics) this.#topics.set(topic.topicId, topic)
    this.#snapshots = new SnapshotWriter({ ...options, state: () => this.state() })
  }

  /** Rejects with StartupError where the catalogue must not be used. */
  static async open(options: CatalogueOptions): Promise<Catalogue> {
    const file = path.join(options.home.path, CATALOGUE_FILE)
    const store = options.store ?? machineDrivers.startCatalogue()
    return new Catalogue(store, await store.open(file, options.initial), options)
  }

  /** All topics, whatever their state, by id. */
  get topics(): ReadonlyMap<string, CatalogueTopic> {
    return this.#topics
  }

  /** Paths of all log directories ever part of this node, by id. */
  get directories(): ReadonlyMap<string, string> {
    return this.#directories
  }

  /** When it was rebuilt from what directories are called, if no operator has confirmed it since; Unix milliseconds. */
  get rebuiltMs(): number | undefined {
    return this.#rebuiltMs
  }

  /** Why it takes no more changes; undefined while it does. */
  get failure(): string | undefined {
    return this.#failure
  }

  isPlacedOn(directoryId: string): boolean {
    for (const { partitions } of this.#topics.values()) {
      if (partitions.some((partition) => partition.directoryId === directoryId)) return true
    }
    return false
  }

  state(): CatalogueState {
    return {
      clusterId: this.clusterId,
      generation: this.#generation,
      directories: Array.from(this.#directories, ([directoryId, directory]) => ({ directoryId, path: directory })),
      topics: [...this.#topics.values()],
      ...(this.#rebuiltMs !== undefined && { rebuiltMs: this.#rebuiltMs }),
    }
  }

  /**
   * Durable in catalogue.db, and copied to the snapshots, when it resolves. Rejects with KAFKA_STORAGE_ERROR: on a full
   * disk nothing was changed and a later call may succeed; after any other failure a restart shows whether it was, and no
   * later call succeeds before.
   */
  async apply(change: CatalogueChange): Promise<void> {
    const applied = this.#work.then(() => this.#applyNow(change))
    this.#work = applied.catch(() => undefined)
    await applied
    // A topic that is being created is copied with its next state: until then nobody relies on it.
    if (change.kind !== 'topic' || change.topic.state === 'live') await this.#snapshots.save()
  }

  /** Writes the snapshots although nothing changed: for a directory that has none, or an older one. */
  refreshSnapshots(): Promise<void> {
    return this.#snapshots.save()
  }

  async close(): Promise<void> {
    await this.#work
    await this.#snapshots.save()
    await this.#store.close()
  }

  async #applyNow(change: CatalogueChange): Promise<void> {
    if (this.#failure) throw storageError(this.#failure)
    try {
      await this.#home.reserve.spend(() => this.#store.apply(change))
    } catch (error) {
      if (isDiskFull(error)) throw storageError(`the disk of ${this.#home.path} is full`, error)
      this.#failure = `the catalogue in ${this.#home.path} failed: ${errorMessage(error)}; restart the server`
      // An I/O error may be that of the commit itself; what breaks a rule of the tables is taken back.
      const isRefused = errorCode(error)?.startsWith('SQLITE_CONSTRAINT') === true
      throw storageError(this.#failure, error, isRefused ? 'no' : 'unknown')
    }
    this.#generation++
    this.#mirror(change)
  }

  #mirror(change: CatalogueChange): void {
    switch (change.kind) {
      case 'directory':
        this.#directories.set(change.directory.directoryId, change.directory.path)
        break
      case 'topic':
        this.#topics.set(change.topic.topicId, change.topic)
        break
      case 'topic-state':
        this.#replace(change.topicId, () => ({ state: change.state }))
        break
      case 'topic-configs':
        this.#replace(change.topicId, () => ({ configs: change.configs }))
        break
      case 'partitions':
        this.#replace(change.topicId, ({ partitions }) => ({ partitions: [...partitions, ...change.partitions] }))
        break
      case 'log-start':
        this.#replace(change.topicId, ({ partitions }) => ({ partitions: withLogStart(partitions, change) }))
        break
      case 'confirmed':
        this.#rebuiltMs = undefined
        break
      case 'topic-gone':
        this.#topics.delete(change.topicId)
    }
  }

  #replace(topicId: string, changed: (topic: CatalogueTopic) => Partial<CatalogueTopic>): void {
    const topic = this.#topics.get(topicId)
    if (topic) this.#topics.set(topicId, { ...topic, ...changed(topic) })
  }
}

function withLogStart(
  partitions: readonly CataloguePartition[],
  { partition, logStartOffset }: { readonly partition: number; readonly logStartOffset: number },
): CataloguePartition[] {
  return partitions.map((placed, number) => (number === partition ? { ...placed, logStartOffset } : placed))
}

function storageError(reason: string, cause?: unknown, stored: 'no' | 'unknown' = 'no'): BrokerError {
  const outcome = stored === 'no' ? 'The change was not stored' : 'It is not known whether the change was stored'
  return new BrokerError('KAFKA_STORAGE_ERROR', `${outcome}: ${reason}.`, {
    stored,
    retryAfterSeconds: 5,
    cause,
  })
}

import * as path from 'node:path'
import type { Logger } from '../../broker/logger.ts'
import { damagedCatalogue } from '../catalogue/catalogue-database.ts'
import { Catalogue, CATALOGUE_FILE } from '../catalogue/catalogue.ts'
import { contradictionOf, newestSnapshots } from '../catalogue/snapshot-contradiction.ts'
import type { SpaceSettings } from '../embedded-engine-options.ts'
import type { FileSystem } from '../file-system.ts'
import { StartupError } from '../startup-error.ts'
import { type CatalogueStore, type HeldLock, machineDrivers, type StorageDrivers } from '../storage-drivers.ts'
import { newUuid } from '../uuid.ts'
import { LogDirectory, type LogDirectoryOptions } from './log-directory.ts'
import { makeLogDirectory } from './make-directory.ts'
import { FORMAT_VERSION, writeMetaProperties, type MetaProperties } from './meta-properties.ts'
import { checkDistinct, checkOneCluster } from './one-cluster.ts'
import { surveyDirectory, type Formatted, type Survey } from './survey-directory.ts'
import { refuseUnusable, whyAbsent } from './unusable-directory.ts'

export interface OpenDirectoriesOptions {
  /** Absolute paths. */
  readonly logDirs: readonly string[]
  readonly nodeId: number
  readonly fileSystem: FileSystem
  /** Absent: this machine's. */
  readonly drivers?: StorageDrivers
  readonly random: (sizeBytes: number) => Uint8Array
  readonly space: Pick<SpaceSettings, 'reserveBytes'>
  readonly logger: Logger
}

export interface OpenedDirectories {
  /** All of `log.dirs`, and offline those that the catalogue knows and `log.dirs` does not name. */
  readonly directories: readonly LogDirectory[]
  readonly catalogue: Catalogue
}

/**
 * The first pass of a start: whose directories these are, their locks, the catalogue.
 *
 * Nothing is written before it is certain that all directories are ours, of one cluster, and of no newer release. A
 * directory that the catalogue knows is never made anew: if it is missing, empty or swapped, it is offline.
 */
export async function openDirectories(options: OpenDirectoriesOptions): Promise<OpenedDirectories> {
  const opening = new DirectoryOpening(options)
  try {
    return await opening.run()
  } catch (error) {
    await opening.undo()
    throw error
  }
}

class DirectoryOpening {
  readonly #options: OpenDirectoriesOptions
  readonly #directories: LogDirectory[] = []
  readonly #locks: HeldLock[] = []
  readonly #drivers: StorageDrivers
  readonly #store: CatalogueStore
  #catalogue: Catalogue | undefined

  constructor(options: OpenDirectoriesOptions) {
    this.#options = options
    this.#drivers = options.drivers ?? machineDrivers
    this.#store = this.#drivers.startCatalogue()
  }

  async run(): Promise<OpenedDirectories> {
    const { logDirs, fileSystem, nodeId } = this.#options
    checkDistinct(logDirs)
    const surveys = await Promise.all(logDirs.map((directory) => surveyDirectory(fileSystem, directory)))
    const formatted = surveys.filter((survey) => survey.kind === 'formatted')
    checkOneCluster(formatted, nodeId)
    const home = formatted.length === 0 ? await this.#found(surveys) : await this.#reopen(formatted)
    for (const survey of surveys) {
      if (survey.path !== home.path) this.#directories.push(await this.#settle(survey, home.meta))
    }
    for (const survey of formatted) await this.#raiseFormat(survey)
    this.#addUnconfigured()
    return { directories: this.#directories, catalogue: this.#openCatalogue }
  }

  async undo(): Promise<void> {
    // Not the catalogue: it would write the copies of one that is not to be trusted.
    await this.#store.close().catch(() => undefined)
    for (const lock of this.#locks) lock.release()
  }

  get #openCatalogue(): Catalogue {
    if (!this.#catalogue) throw new Error('the catalogue is opened before the directories are settled')
    return this.#catalogue
  }

  /** A new cluster, its catalogue in the first directory. meta.properties comes last: until then nothing has begun. */
  async #found(surveys: readonly Survey[]): Promise<{ path: string; meta: MetaProperties }> {
    for (const survey of surveys) refuseUnusable(survey)
    const { logDirs, nodeId, random, fileSystem } = this.#options
    const directory = logDirs[0]
    if (directory === undefined) throw new StartupError('log.dirs names no directory.')
    const directoryId = newUuid(random)
    const clusterId = newUuid(random)
    const meta = { clusterId, nodeId, directoryId, catalogueDirectoryId: directoryId }
    await makeLogDirectory(fileSystem, directory)
    const home = this.#online(directory, directoryId)
    await this.#open(home, {
      clusterId,
      generation: 0,
      directories: [{ directoryId, path: directory }],
      topics: [],
    })
    await writeMetaProperties(fileSystem, directory, meta)
    return { path: directory, meta }
  }

  async #reopen(formatted: readonly Formatted[]): Promise<{ path: string; meta: MetaProperties }> {
    const home = formatted.find(({ meta }) => meta.directoryId === meta.catalogueDirectoryId)
    if (!home) {
      const [first] = formatted
      throw new StartupError(
        `The log directory that holds the catalogue (directory.id ${first?.meta.catalogueDirectoryId}) is not among ` +
          `log.dirs, or not mounted: ${this.#options.logDirs.join(', ')}. Nothing was touched. Mount it or add it to ` +
          `log.dirs. If its meta.properties is lost, run 'posthorn repair', which puts it back; if all of it is lost for ` +
          `good, that rebuilds the catalogue in another directory.`,
      )
    }
    const directory = this.#online(home.path, home.meta.directoryId)
    await this.#open(directory)
    const { clusterId } = this.#openCatalogue
    if (clusterId !== home.meta.clusterId) {
      throw new StartupError(
        `The catalogue in ${home.path} belongs to cluster ${clusterId}, but meta.properties beside it says ` +
          `cluster.id=${home.meta.clusterId}. Nothing was touched. Run 'posthorn repair' with the same configuration: ` +
          `it puts right the one that catalogue.snapshot speaks against.`,
      )
    }
    await this.#refuseContradiction(home.path, formatted)
    await this.#remember(home.meta.directoryId, home.path)
    return home
  }

  /** What SQLite takes for sound may have been changed by the disk all the same. */
  async #refuseContradiction(home: string, formatted: readonly Formatted[]): Promise<void> {
    const state = this.#openCatalogue.state()
    const directories = formatted.map(({ path: directory }) => directory)
    const newest = await newestSnapshots(directories, state.clusterId, this.#options.fileSystem)
    const contradiction = contradictionOf(state, newest)
    if (contradiction !== undefined) throw damagedCatalogue(path.join(home, CATALOGUE_FILE), contradiction)
  }

  async #open(home: LogDirectory, initial?: Parameters<typeof Catalogue.open>[0]['initial']): Promise<void> {
    this.#directories.push(home)
    const { fileSystem, logger } = this.#options
    const parts = { home, directories: this.#directories, fileSystem, logger, store: this.#store }
    this.#catalogue = await Catalogue.open({ ...parts, ...(initial && { initial }) })
  }

  async #settle(survey: Survey, home: MetaProperties): Promise<LogDirectory> {
    const known = this.#openCatalogue.directories
    if (survey.kind === 'formatted') {
      const { directoryId } = survey.meta
      if (known.has(directoryId)) return this.#adopt(survey.path, directoryId)
      const expected = this.#knownAt(survey.path)
      if (!expected && !survey.hasPartitions) return this.#adopt(survey.path, directoryId)
      return this.#offline(
        survey.path,
        expected ?? directoryId,
        `meta.properties says directory.id ${directoryId}, which the catalogue does not know` +
          (expected ? `: ${expected} was here. Another disk is mounted in its place` : ''),
      )
    }
    const expected = this.#knownAt(survey.path)
    if (expected) return this.#offline(survey.path, expected, whyAbsent(survey))
    refuseUnusable(survey)
    return this.#format(survey.path, home)
  }

  /** A directory that is new in `log.dirs`: known to the catalogue only once it has its own identity on disk. */
  async #format(directory: string, home: MetaProperties): Promise<LogDirectory> {
    const { fileSystem, random } = this.#options
    const directoryId = newUuid(random)
    await makeLogDirectory(fileSystem, directory)
    const opened = this.#online(directory, directoryId)
    await writeMetaProperties(fileSystem, directory, { ...home, directoryId })
    await this.#remember(directoryId, directory)
    return opened
  }

  async #adopt(directory: string, directoryId: string): Promise<LogDirectory> {
    const opened = this.#online(directory, directoryId)
    await this.#remember(directoryId, directory)
    return opened
  }

  /** From here on the directory is written to. */
  async #raiseFormat({ path: directory, meta }: Formatted): Promise<void> {
    const opened = this.#directories.find((candidate) => candidate.path === directory)
    if (!opened?.online || meta.formatVersion === FORMAT_VERSION) return
    const { fileSystem, logger } = this.#options
    await opened.reserve.spend(() => writeMetaProperties(fileSystem, directory, meta))
    logger.info({ logDir: directory, from: meta.formatVersion, to: FORMAT_VERSION }, 'its format was raised')
  }

  async #remember(directoryId: string, directory: string): Promise<void> {
    const catalogue = this.#openCatalogue
    if (catalogue.directories.get(directoryId) === directory) return
    await catalogue.apply({ kind: 'directory', directory: { directoryId, path: directory } })
  }

  /** The id of the directory that was last seen at this path and is at no other path now. */
  #knownAt(directory: string): string | undefined {
    for (const [directoryId, knownPath] of this.#openCatalogue.directories) {
      if (knownPath === directory && !this.#directories.some((opened) => opened.directoryId === directoryId)) {
        return directoryId
      }
    }
    return undefined
  }

  #online(directory: string, directoryId: string): LogDirectory {
    const lock = this.#drivers.lockDirectory(directory)
    this.#locks.push(lock)
    return this.#logDirectory({ path: directory, directoryId, lock })
  }

  #offline(directory: string, directoryId: string, offlineReason: string): LogDirectory {
    this.#options.logger.error({ logDir: directory, directoryId }, `log directory offline: ${offlineReason}`)
    return this.#logDirectory({ path: directory, directoryId, offlineReason })
  }

  #logDirectory(facts: Pick<LogDirectoryOptions, 'path' | 'directoryId' | 'lock' | 'offlineReason'>): LogDirectory {
    const { fileSystem, random, space } = this.#options
    return new LogDirectory({ ...facts, fileSystem, random, reserveBytes: space.reserveBytes })
  }

  /** Partitions may lie on directories that `log.dirs` no longer names: they are offline, not gone. */
  #addUnconfigured(): void {
    const catalogue = this.#openCatalogue
    for (const [directoryId, directory] of catalogue.directories) {
      if (this.#directories.some((opened) => opened.directoryId === directoryId)) continue
      if (!catalogue.isPlacedOn(directoryId)) continue
      this.#directories.push(this.#offline(directory, directoryId, 'log.dirs does not name it any more'))
    }
  }
}

import * as fs from 'node:fs'
import * as path from 'node:path'
import { CATALOGUE_SNAPSHOT } from '../catalogue/catalogue-snapshot.ts'
import { CATALOGUE_FILE } from '../catalogue/catalogue.ts'
import type { CatalogueState } from '../catalogue/catalogue-state.ts'
import { stateOfDirectories } from '../catalogue/state-of-directories.ts'
import { journalFileName } from '../commit/journal-file.ts'
import { DirectoryLock, LOCK_FILE } from '../directory/directory-lock.ts'
import { findPartitions } from '../directory/found-partition.ts'
import { lockHolder } from '../directory/lock-holder.ts'
import { META_PROPERTIES, readMetaProperties, type StoredMetaProperties } from '../directory/meta-properties.ts'
import type { FileSystem } from '../file-system.ts'
import { ForeignDataError, NewerVersionError, StartupError } from '../startup-error.ts'
import { findStrays } from '../stray-partition.ts'
import { checkSnapshots, readCatalogue } from './catalogue-check.ts'
import { checkDirectory } from './directory-check.ts'
import { consequences, type Consequence, type Finding, type FindingSink } from './finding.ts'
import { checkNamedDirectories } from './named-directories.ts'
import { strayFinding } from './stray-finding.ts'

export interface VerifyOptions {
  /** Absolute paths of log directories, of one server. */
  readonly directories: readonly string[]
  readonly fileSystem: FileSystem
  /** Where databases are copied to before they are opened. */
  readonly scratch: string
  /** Whether index.db is copied and held against the segments. */
  readonly checksIndex: boolean
  readonly tell: FindingSink
  /** Told of bytes as they are read, and where. */
  readonly onProgress?: (readBytes: number, totalBytes: number, file: string) => void
}

export interface VerifyReport {
  readonly readBytes: number
  readonly partitions: number
  readonly findings: Readonly<Record<Consequence, number>>
}

/** Of a topic, whatever a server's `topic.partitions.max` is. */
const PARTITIONS_MAX = 100_000

interface Surveyed {
  readonly path: string
  readonly meta: StoredMetaProperties | undefined
}

interface Identified extends Surveyed {
  /** Undefined where its meta.properties is damaged and nothing else tells. */
  readonly directoryId: string | undefined
}

/**
 * Reads everything that log directories hold, with no server at work in them, and tells what is not what was written.
 * Writes nothing to them. Throws StartupError where they cannot be looked at: in use, no log directories, or those of a
 * newer release.
 */
export async function verifyDirectories(options: VerifyOptions): Promise<VerifyReport> {
  const locks: DirectoryLock[] = []
  try {
    checkNamedDirectories(options.directories)
    for (const directory of options.directories) locks.push(...lockIfThere(directory))
    return await new Verification(options).run()
  } finally {
    for (const lock of locks) lock.release()
  }
}

/** A directory without the file was never opened by a server, or is a copy: making one would be writing to it. */
function lockIfThere(directory: string): DirectoryLock[] {
  const file = path.join(directory, LOCK_FILE)
  if (!fs.existsSync(file)) return []
  try {
    return [DirectoryLock.acquire(directory)]
  } catch (error) {
    const holder = lockHolder(file)
    if (!(error instanceof StartupError) || !holder) throw error
    throw new StartupError(
      `The log directory ${directory} is in use by process ${holder.pid} (${holder.command}). Stop that server first: ` +
        'what it has in memory is not on the disk yet. A running server reads its segments again by itself ' +
        '(log.scrub.bytes.per.second).',
      { cause: error },
    )
  }
}

class Verification {
  readonly #options: VerifyOptions
  readonly #findings: Record<Consequence, number>
  #readBytes = 0
  #totalBytes = 0

  constructor(options: VerifyOptions) {
    this.#options = options
    this.#findings = { lost: 0, refused: 0, rebuilt: 0, harmless: 0, unfinished: 0 }
  }

  async run(): Promise<VerifyReport> {
    const { directories, fileSystem, scratch, checksIndex } = this.#options
    const surveyed: Surveyed[] = []
    for (const directory of directories) surveyed.push({ path: directory, meta: await this.#meta(directory) })
    for (const directory of directories) this.#totalBytes += sizeOf(directory, checksIndex)
    const parts = {
      fileSystem,
      scratch,
      checksIndex,
      tell: (finding: Finding) => this.#tell(finding),
      onRead: (bytes: number, file: string) => this.#read(bytes, file),
    }
    this.#checkTogether(surveyed)
    const home = homeOf(surveyed)
    if (!home) this.#tellHomeless(surveyed)
    const own = home && readCatalogue(home.path, parts)
    const clusterId = surveyed.find(({ meta }) => meta)?.meta?.clusterId
    const catalogue = (await checkSnapshots(directories, clusterId, own, parts)) ?? (await this.#assumed(surveyed))
    if (own) await this.#checkIdentities(surveyed, own)
    let partitions = 0
    const identified = surveyed.map((each) => ({ ...each, directoryId: directoryIdOf(each, surveyed, catalogue) }))
    for (const each of identified) partitions += await checkDirectory({ ...each, catalogue }, parts)
    if (catalogue) await this.#tellStrays(identified, catalogue)
    return { readBytes: this.#readBytes, partitions, findings: this.#findings }
  }

  #tell(finding: Finding): void {
    this.#findings[finding.consequence]++
    this.#options.tell(finding)
  }

  #read(bytes: number, file: string): void {
    this.#readBytes += bytes
    this.#options.onProgress?.(this.#readBytes, Math.max(this.#totalBytes, this.#readBytes), file)
  }

  async #meta(directory: string): Promise<StoredMetaProperties | undefined> {
    const { fileSystem } = this.#options
    const file = path.join(directory, META_PROPERTIES)
    try {
      const meta = await readMetaProperties(fileSystem, directory)
      if (meta) return meta
    } catch (error) {
      // A changed bit can make the file look like Kafka's: what lies beside it tells.
      const isElses = error instanceof ForeignDataError && !holdsOwnFiles(directory)
      if (isElses || error instanceof NewerVersionError || !(error instanceof StartupError)) throw error
      const problem = error.message.replace(`${file} is damaged: `, '').split('. Nothing was touched')[0] ?? ''
      const meaning =
        "the server does not start until 'posthorn repair' has put the file back, by the catalogue and its copies"
      this.#tell({ file, consequence: 'refused', problem, meaning })
      return undefined
    }
    throw new StartupError(`${file} was removed meanwhile.`)
  }

  /** What one directory says of itself that another one contradicts. */
  #checkTogether(surveyed: readonly Surveyed[]): void {
    const [first, ...others] = surveyed.filter(({ meta }) => meta)
    for (const { path: directory, meta } of others) {
      for (const name of ['clusterId', 'nodeId', 'catalogueDirectoryId'] as const) {
        if (meta?.[name] === first?.meta?.[name]) continue
        this.#tell({
          file: path.join(directory, META_PROPERTIES),
          consequence: 'refused',
          problem: `${name} is ${meta?.[name]}, but ${first?.meta?.[name]} in ${first?.path}`,
          meaning: 'the server does not start with both',
        })
      }
    }
  }

  /** meta.properties has no checksum: what it says must be what the catalogue knows. */
  async #checkIdentities(surveyed: readonly Surveyed[], { clusterId, directories }: CatalogueState): Promise<void> {
    const known = new Set(directories.map(({ directoryId }) => directoryId))
    for (const { path: directory, meta } of surveyed) {
      const tell = (problem: string): void =>
        this.#tell({
          file: path.join(directory, META_PROPERTIES),
          consequence: 'refused',
          problem,
          meaning: 'the server does not start with it, or takes the directory for another one',
        })
      if (!meta) continue
      if (meta.clusterId !== clusterId) tell(`cluster.id is ${meta.clusterId}, but ${clusterId} in the catalogue`)
      // One that was added to log.dirs is known as soon as a start has come that far.
      const isNew = (await findPartitions(this.#options.fileSystem, directory)).length === 0
      if (!known.has(meta.directoryId) && !isNew) tell(`the catalogue does not know directory.id ${meta.directoryId}`)
    }
  }

  async #tellStrays(identified: readonly Identified[], { topics }: CatalogueState): Promise<void> {
    // Of a directory that nobody knows the name of everything would be one.
    const directories = identified.flatMap(({ path: directory, directoryId }) =>
      directoryId === undefined ? [] : [{ path: directory, directoryId }],
    )
    for (const stray of await findStrays(this.#options.fileSystem, directories, topics)) {
      this.#tell({ file: stray.found.directory, ...strayFinding(stray) })
    }
  }

  /** None of the directories is the one that they say holds the catalogue. */
  #tellHomeless(surveyed: readonly Surveyed[]): void {
    for (const { path: directory, meta } of surveyed) {
      if (!meta) continue
      const file = path.join(directory, META_PROPERTIES)
      const hasCatalogue = fs.existsSync(path.join(directory, CATALOGUE_FILE))
      const problem = `catalogue.directory.id=${meta.catalogueDirectoryId} is no directory that was named`
      const meaning = hasCatalogue
        ? 'the server does not start, though a catalogue lies beside the file'
        : 'name all directories of the server; the newest copy of the catalogue is gone by meanwhile'
      this.#tell({ file, consequence: hasCatalogue ? 'refused' : 'unfinished', problem, meaning })
    }
  }

  /** Without a catalogue and a copy of it, topics are what directories are called. */
  async #assumed(surveyed: readonly Surveyed[]): Promise<CatalogueState | undefined> {
    const placed = []
    for (const { path: directory, meta } of surveyed) {
      if (!meta) continue
      const partitions = await findPartitions(this.#options.fileSystem, directory)
      placed.push({ directoryId: meta.directoryId, path: directory, partitions })
    }
    const state = stateOfDirectories('', '', placed, { configsOf: () => ({}), partitionsMax: PARTITIONS_MAX })
    return 'problem' in state ? undefined : state
  }
}

function holdsOwnFiles(directory: string): boolean {
  return [journalFileName(0), CATALOGUE_SNAPSHOT].some((name) => fs.existsSync(path.join(directory, name)))
}

/** The directory that holds the catalogue; one whose meta.properties is damaged may be it. */
function homeOf(surveyed: readonly Surveyed[]): Surveyed | undefined {
  return (
    surveyed.find(({ meta }) => meta?.directoryId === meta?.catalogueDirectoryId && meta) ??
    surveyed.find(({ path: directory, meta }) => !meta && fs.existsSync(path.join(directory, CATALOGUE_FILE)))
  )
}

/** By its meta.properties; else by where the catalogue knows it, or as the only one that is left. */
function directoryIdOf(
  { path: directory, meta }: Surveyed,
  surveyed: readonly Surveyed[],
  catalogue: CatalogueState | undefined,
): string | undefined {
  if (meta) return meta.directoryId
  const named = new Set(surveyed.map((each) => each.meta?.directoryId))
  const left = (catalogue?.directories ?? []).filter(({ directoryId }) => !named.has(directoryId))
  const found = left.find((each) => each.path === directory) ?? (left.length === 1 ? left[0] : undefined)
  return found?.directoryId
}

/** About: the journal's files are read whole, what is being deleted not at all. */
function sizeOf(directory: string, withIndex: boolean): number {
  let sizeBytes = 0
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    const file = path.join(directory, entry.name)
    if (entry.isDirectory()) {
      if (entry.name.endsWith('-delete')) continue
      for (const name of fs.readdirSync(file))
        if (name.endsWith('.log')) sizeBytes += fs.statSync(path.join(file, name)).size
    } else if (
      /^(journal-[01]|producers|catalogue\.db.*)$/.test(entry.name) ||
      (withIndex && entry.name.startsWith('index.db'))
    ) {
      sizeBytes += fs.statSync(file).size
    }
  }
  return sizeBytes
}

/** How many findings are damage. */
export function damageCount({ findings }: VerifyReport): number {
  return consequences.reduce((sum, each) => (each === 'unfinished' ? sum : sum + findings[each]), 0)
}

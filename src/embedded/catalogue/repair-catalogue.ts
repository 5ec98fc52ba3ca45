import * as path from 'node:path'
import { DirectoryLock } from '../directory/directory-lock.ts'
import { findPartitions } from '../directory/found-partition.ts'
import { writeMetaProperties } from '../directory/meta-properties.ts'
import type { Formatted } from '../directory/survey-directory.ts'
import type { FileSystem } from '../file-system.ts'
import { PARTITION_METADATA_FILE } from '../log/partition-directory.ts'
import { findStrays } from '../stray-partition.ts'
import { errorCode, errorMessage, NewerVersionError, StartupError } from '../startup-error.ts'
import { CatalogueDatabase } from './catalogue-database.ts'
import type { CatalogueState } from './catalogue-state.ts'
import { CATALOGUE_FILE } from './catalogue.ts'
import { putIdentitiesBack, surveyForRepair } from './lost-identities.ts'
import { markAdopted } from './mark-adopted.ts'
import { repairedState, type RepairSettings } from './repaired-state.ts'
import { contradictionOf, newestSnapshots } from './snapshot-contradiction.ts'
import type { PlacedPartitions } from './state-of-directories.ts'

export interface RepairOptions extends RepairSettings {
  /** Absolute paths. */
  readonly logDirs: readonly string[]
  /** `node.id` */
  readonly nodeId: number
  readonly fileSystem: FileSystem
}

export interface RepairReport {
  /** False: the catalogue is sound, and was left as it is. */
  readonly repaired: boolean
  /** It was sound, and did not know all that the directories hold. */
  readonly completed?: boolean
  /** Absolute path of the catalogue now in force. */
  readonly catalogue: string
  /** Where the snapshot was found that it was rebuilt from. */
  readonly snapshot?: string
  /** Topics that came from the directories, in part at least, as neither catalogue nor snapshot knew them. */
  readonly added?: readonly string[]
  /** Directories whose meta.properties was lost or damaged, and was written anew. */
  readonly identified?: readonly string[]
  /** What of the directories could not be made part of a topic, and why. */
  readonly leftOut?: readonly string[]
  readonly topicCount: number
  /** Nothing is removed by it until an operator says so. */
  readonly needsConfirmation: boolean
  /** Where the file was put that it replaces. */
  readonly keptAside?: string
}

/**
 * `posthorn repair`: rebuilds catalogue.db from the newest valid snapshot of the log directories, with the server
 * stopped, and from what the directories hold where that is more; a sound one is completed in the same way. The file
 * that it replaces is kept aside. If the directory that held the catalogue is gone, another takes it over. May be broken
 * off and run again. A meta.properties that is lost is put back first. Throws StartupError where nothing can be done.
 */
export async function repairCatalogue(options: RepairOptions): Promise<RepairReport> {
  const { logDirs, fileSystem } = options
  const surveys = await Promise.all(logDirs.map((directory) => surveyForRepair(fileSystem, directory)))
  const named = surveys.filter((survey) => survey.kind === 'formatted')
  const lost = surveys.filter((survey) => survey.kind === 'nameless')
  if (named.length + lost.length === 0) {
    throw new StartupError(`No directory of log.dirs has a meta.properties: ${logDirs.join(', ')}.`)
  }
  const locks: DirectoryLock[] = []
  try {
    for (const { path: directory } of [...named, ...lost]) locks.push(DirectoryLock.acquire(directory))
    const identified = lost.length === 0 ? [] : await putIdentitiesBack(lost, named, options)
    const report = await repairFormatted([...named, ...identified], options)
    return identified.length === 0 ? report : { ...report, identified: identified.map((each) => each.path) }
  } finally {
    for (const lock of locks) lock.release()
  }
}

function repairFormatted(formatted: readonly Formatted[], options: RepairOptions): Promise<RepairReport> {
  const home = formatted.find(({ meta }) => meta.directoryId === meta.catalogueDirectoryId) ?? formatted[0]
  if (!home) throw new Error('no directory was identified')
  const foreign = formatted.find(({ meta }) => meta.clusterId !== home.meta.clusterId)
  if (foreign) {
    throw new StartupError(
      `${foreign.path} belongs to cluster ${foreign.meta.clusterId}, ${home.path} to ${home.meta.clusterId}. Nothing was ` +
        `touched. Name directories of one server.`,
    )
  }
  return repairIn(home, formatted, options)
}

async function repairIn(
  home: Formatted,
  formatted: readonly Formatted[],
  options: RepairOptions,
): Promise<RepairReport> {
  const { fileSystem } = options
  const catalogue = path.join(home.path, CATALOGUE_FILE)
  const paths = formatted.map(({ path: directory }) => directory)
  const snapshots = await newestSnapshots(paths, home.meta.clusterId, fileSystem)
  const readable = soundState(catalogue, home)
  const sound = readable && contradictionOf(readable, snapshots) === undefined ? readable : undefined
  const { placed, leftOut: unread } = await placedPartitions(formatted, sound, fileSystem)
  const found = repairedState({ readable, sound, snapshots, home: home.meta, homePath: home.path, placed }, options)
  const leftOut = [...unread, ...found.leftOut]
  if (found.state === sound) {
    await pointAtHome(home, formatted, fileSystem)
    return { repaired: false, catalogue, leftOut, topicCount: sound.topics.length, needsConfirmation: false }
  }
  await markAdopted(found.known, found.state, placed, fileSystem)
  const keptAside = await putAside(catalogue, sound ? 'incomplete' : 'damaged', fileSystem)
  const rebuilt = `${catalogue}.tmp`
  CatalogueDatabase.create(rebuilt, found.state).close()
  await fileSystem.rename(rebuilt, catalogue)
  await fileSystem.syncDirectory(home.path)
  await pointAtHome(home, formatted, fileSystem)
  return {
    repaired: true,
    completed: sound !== undefined,
    catalogue,
    ...(found.snapshot !== undefined && { snapshot: found.snapshot }),
    added: found.added,
    leftOut,
    topicCount: found.state.topics.length,
    needsConfirmation: found.state.rebuiltMs !== undefined,
    ...(keptAside !== undefined && { keptAside }),
  }
}

/** What the catalogue holds if it is sound and of this cluster. One that is newer must not be replaced: that is thrown. */
function soundState(catalogue: string, home: Formatted): CatalogueState | undefined {
  let database: CatalogueDatabase | undefined
  try {
    database = CatalogueDatabase.open(catalogue)
    const state = database.state()
    return state.clusterId === home.meta.clusterId ? state : undefined
  } catch (error) {
    if (error instanceof NewerVersionError) throw error
    return undefined
  } finally {
    database?.close()
  }
}

/** @param sound what the next start removes by it is not counted: see `findStrays` */
async function placedPartitions(
  formatted: readonly Formatted[],
  sound: CatalogueState | undefined,
  fileSystem: FileSystem,
): Promise<{ placed: PlacedPartitions[]; leftOut: string[] }> {
  const placed: PlacedPartitions[] = []
  const leftOut: string[] = []
  const directories = formatted.map(({ path: directory, meta }) => ({ ...meta, path: directory }))
  const strays = sound ? await findStrays(fileSystem, directories, sound.topics) : []
  const unfinished = new Set(strays.flatMap(({ isUnfinished, found }) => (isUnfinished ? [found.directory] : [])))
  for (const { path: directory, directoryId } of directories) {
    const found = await findPartitions(fileSystem, directory)
    const partitions = found.filter((each) => !unfinished.has(each.directory))
    placed.push({ directoryId, path: directory, partitions })
    for (const { topicId, directory: partition, failure } of partitions) {
      if (topicId !== undefined) continue
      const why = failure === undefined ? 'is missing or damaged' : `cannot be read: ${errorMessage(failure)}`
      leftOut.push(`${partition}: its ${PARTITION_METADATA_FILE} ${why}`)
    }
  }
  return { placed, leftOut }
}

/** Renames the database and its log out of the way, under a name that is free. */
async function putAside(
  catalogue: string,
  why: 'damaged' | 'incomplete',
  fileSystem: FileSystem,
): Promise<string | undefined> {
  const taken = new Set(await fileSystem.readdir(path.dirname(catalogue)))
  let number = 1
  while (taken.has(`${path.basename(catalogue)}.${why}-${number}`)) number++
  const aside = `${catalogue}.${why}-${number}`
  await renameIfPresent(`${catalogue}-wal`, `${aside}-wal`, fileSystem)
  await renameIfPresent(`${catalogue}-shm`, `${aside}-shm`, fileSystem)
  return (await renameIfPresent(catalogue, aside, fileSystem)) ? aside : undefined
}

async function renameIfPresent(from: string, to: string, fileSystem: FileSystem): Promise<boolean> {
  try {
    await fileSystem.rename(from, to)
    return true
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false
    throw error
  }
}

/** All directories say which of them holds the catalogue; that one last, so that a broken-off change is seen. */
async function pointAtHome(home: Formatted, formatted: readonly Formatted[], fileSystem: FileSystem): Promise<void> {
  const catalogueDirectoryId = home.meta.directoryId
  const others = formatted.filter((survey) => survey !== home)
  for (const { path: directory, meta } of [...others, home]) {
    if (meta.catalogueDirectoryId === catalogueDirectoryId) continue
    await writeMetaProperties(fileSystem, directory, { ...meta, catalogueDirectoryId })
  }
}

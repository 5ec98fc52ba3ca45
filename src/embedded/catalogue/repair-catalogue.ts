import * as path from 'node:path'
import { DirectoryLock } from '../directory/directory-lock.ts'
import { writeMetaProperties } from '../directory/meta-properties.ts'
import { surveyDirectory, type Survey } from '../directory/survey-directory.ts'
import type { FileSystem } from '../file-system.ts'
import { OFFSETS_TOPIC, offsetsTopicConfigs } from '../groups/offsets-topic.ts'
import { PARTITION_METADATA_FILE } from '../log/partition-directory.ts'
import { errorCode, NewerVersionError, StartupError } from '../startup-error.ts'
import {
  findPartitions,
  stateOfDirectories,
  type ConfigsByName,
  type PlacedPartitions,
} from '../verify/directory-contents.ts'
import { CatalogueDatabase } from './catalogue-database.ts'
import type { CatalogueState } from './catalogue-state.ts'
import { CATALOGUE_FILE } from './catalogue.ts'
import { contradictionOf, newestSnapshot, type FoundSnapshot } from './snapshot-contradiction.ts'
import { completedCopy } from './topics-behind-copy.ts'

export interface RepairOptions {
  /** Absolute paths. */
  readonly logDirs: readonly string[]
  readonly fileSystem: FileSystem
  /** Unix milliseconds. */
  readonly nowMs: number
  /** `offsets.topic.segment.bytes` */
  readonly offsetsTopicSegmentBytes: number
  /** `topic.partitions.max` */
  readonly topicPartitionsMax: number
}

export interface RepairReport {
  /** False: the catalogue is sound, and was left as it is. */
  readonly repaired: boolean
  /** Absolute path of the catalogue now in force. */
  readonly catalogue: string
  /** Where the snapshot was found that it was rebuilt from. */
  readonly snapshot?: string
  /** Topics that came from the directories, in part at least, as the snapshot did not know them. */
  readonly added?: readonly string[]
  /** What of the directories could not be made part of a topic, and why. */
  readonly leftOut?: readonly string[]
  readonly topicCount: number
  /** Where the damaged file was put. */
  readonly keptAside?: string
}

type Formatted = Extract<Survey, { kind: 'formatted' }>

/**
 * `posthorn repair`: rebuilds catalogue.db from the newest valid snapshot of the log directories, with the server
 * stopped, and from what the directories hold where that is more. The damaged file is kept aside. If the directory that
 * held the catalogue is gone, another takes it over. May be broken off and run again. Throws StartupError where nothing
 * can be done.
 */
export async function repairCatalogue(options: RepairOptions): Promise<RepairReport> {
  const { logDirs, fileSystem } = options
  const surveys = await Promise.all(logDirs.map((directory) => surveyDirectory(fileSystem, directory)))
  const formatted = surveys.filter((survey) => survey.kind === 'formatted')
  const [first] = formatted
  if (!first) throw new StartupError(`No directory of log.dirs has a meta.properties: ${logDirs.join(', ')}.`)
  const locks: DirectoryLock[] = []
  try {
    for (const { path: directory } of formatted) locks.push(DirectoryLock.acquire(directory))
    const home = formatted.find(({ meta }) => meta.directoryId === meta.catalogueDirectoryId) ?? first
    return await repairIn(home, formatted, options)
  } finally {
    for (const lock of locks) lock.release()
  }
}

async function repairIn(
  home: Formatted,
  formatted: readonly Formatted[],
  options: RepairOptions,
): Promise<RepairReport> {
  const { fileSystem } = options
  const catalogue = path.join(home.path, CATALOGUE_FILE)
  const paths = formatted.map(({ path: directory }) => directory)
  const snapshot = await newestSnapshot(paths, home.meta.clusterId, fileSystem)
  const sound = soundState(catalogue, home)
  if (sound && contradictionOf(sound, snapshot) === undefined) {
    await pointAtHome(home, formatted, fileSystem)
    return { repaired: false, catalogue, topicCount: sound.topics.length }
  }
  const { placed, leftOut } = await placedPartitions(formatted, fileSystem)
  const found = snapshot
    ? completedSnapshot(snapshot, home, placed, options)
    : { state: rebuiltState(home, placed, options), leftOut }
  const keptAside = await putAside(catalogue, fileSystem)
  const rebuilt = `${catalogue}.tmp`
  CatalogueDatabase.create(rebuilt, found.state).close()
  await fileSystem.rename(rebuilt, catalogue)
  await fileSystem.syncDirectory(home.path)
  await pointAtHome(home, formatted, fileSystem)
  return {
    repaired: true,
    catalogue,
    ...('added' in found && { snapshot: found.snapshot, added: found.added }),
    leftOut: found.leftOut,
    topicCount: found.state.topics.length,
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

async function placedPartitions(
  formatted: readonly Formatted[],
  fileSystem: FileSystem,
): Promise<{ placed: PlacedPartitions[]; leftOut: string[] }> {
  const placed: PlacedPartitions[] = []
  const leftOut: string[] = []
  for (const { path: directory, meta } of formatted) {
    const partitions = await findPartitions(fileSystem, directory)
    placed.push({ directoryId: meta.directoryId, path: directory, partitions })
    for (const found of partitions) {
      if (found.topicId === undefined) leftOut.push(`${found.directory}: its ${PARTITION_METADATA_FILE} cannot be read`)
    }
  }
  return { placed, leftOut }
}

/** If it does not know all that the directories hold, the settings of that are lost: nothing is removed until confirmed. */
function completedSnapshot(
  { state: copy, directory }: FoundSnapshot,
  home: Formatted,
  placed: readonly PlacedPartitions[],
  options: RepairOptions,
): { state: CatalogueState; snapshot: string; added: readonly string[]; leftOut: readonly string[] } {
  const { nowMs, topicPartitionsMax: partitionsMax } = options
  const held = { homeId: home.meta.directoryId, placed, configsOf: configsByName(options), partitionsMax }
  const { state, added, leftOut } = completedCopy(copy, held)
  const generation = Math.max(nowMs, copy.generation + 1)
  const completed = added.length === 0 ? state : { ...state, generation, rebuiltMs: nowMs }
  return { state: completed, snapshot: directory, added, leftOut }
}

function configsByName({ offsetsTopicSegmentBytes }: RepairOptions): ConfigsByName {
  return (topic) => (topic === OFFSETS_TOPIC ? offsetsTopicConfigs(offsetsTopicSegmentBytes) : {})
}

/**
 * The topics that the partitions' directories tell of, without their settings: until an operator has confirmed them,
 * nothing of them is removed. Throws StartupError where directories contradict each other.
 */
function rebuiltState(home: Formatted, placed: readonly PlacedPartitions[], options: RepairOptions): CatalogueState {
  const { nowMs, topicPartitionsMax: partitionsMax } = options
  const { clusterId, directoryId } = home.meta
  const state = stateOfDirectories(clusterId, directoryId, placed, { configsOf: configsByName(options), partitionsMax })
  if ('problem' in state) {
    throw new StartupError(
      `No log directory has a valid catalogue.snapshot, and what the directories hold contradicts itself: ` +
        `${state.problem}. Nothing was touched. Move the one that does not belong there out of the log directories, or ` +
        `put catalogue.db back from a backup.`,
    )
  }
  // Copies of the lost catalogue that come to light later are older than this, however many changes they count.
  return { ...state, generation: nowMs, rebuiltMs: nowMs }
}

/** Renames the database and its log out of the way, under a name that is free. */
async function putAside(catalogue: string, fileSystem: FileSystem): Promise<string | undefined> {
  const taken = new Set(await fileSystem.readdir(path.dirname(catalogue)))
  let number = 1
  while (taken.has(`${path.basename(catalogue)}.damaged-${number}`)) number++
  const aside = `${catalogue}.damaged-${number}`
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

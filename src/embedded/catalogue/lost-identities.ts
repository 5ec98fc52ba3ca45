import * as fs from 'node:fs'
import * as path from 'node:path'
import { journalFileName } from '../commit/journal-file.ts'
import { findPartitions } from '../directory/found-partition.ts'
import { META_PROPERTIES, writeMetaProperties } from '../directory/meta-properties.ts'
import { surveyDirectory, type Formatted, type Survey } from '../directory/survey-directory.ts'
import type { FileSystem } from '../file-system.ts'
import { NewerVersionError, StartupError } from '../startup-error.ts'
import { CatalogueDatabase } from './catalogue-database.ts'
import { CATALOGUE_SNAPSHOT, readSnapshot } from './catalogue-snapshot.ts'
import type { CatalogueDirectory, CatalogueState } from './catalogue-state.ts'
import { CATALOGUE_FILE } from './catalogue.ts'

/** A log directory that holds a server's files, and does not say whose: its meta.properties is lost or damaged. */
export interface Nameless {
  readonly kind: 'nameless'
  readonly path: string
  readonly why: string
}

export interface IdentityOptions {
  /** Of the configuration: no file but the lost one says it. */
  readonly nodeId: number
  readonly fileSystem: FileSystem
}

/** As `surveyDirectory`, but where meta.properties is damaged, or contradicts the copy of the catalogue beside it. */
export async function surveyForRepair(fileSystem: FileSystem, directory: string): Promise<Survey | Nameless> {
  try {
    const survey = await surveyDirectory(fileSystem, directory)
    if (survey.kind === 'occupied') return nameless(directory, 'it is missing')
    if (survey.kind !== 'formatted') return survey
    const own = await readSnapshot(fileSystem, directory)
    const { clusterId, directoryId } = survey.meta
    // The copy has a checksum, and a directory that has one is in it.
    const fits = own?.clusterId === clusterId && own.directories.some((each) => each.directoryId === directoryId)
    return !own || fits ? survey : nameless(directory, `it contradicts ${CATALOGUE_SNAPSHOT} beside it`)
  } catch (error) {
    if (error instanceof NewerVersionError || !(error instanceof StartupError)) throw error
    return nameless(directory, error.message)
  }
}

function nameless(directory: string, why: string): Nameless {
  return { kind: 'nameless', path: directory, why }
}

/**
 * Writes the meta.properties of directories that lost it, from the catalogue, its copies and the other directories. All
 * are locked. Throws StartupError, before anything is written, where one of them cannot be told for certain.
 */
export async function putIdentitiesBack(
  lost: readonly Nameless[],
  formatted: readonly Formatted[],
  options: IdentityOptions,
): Promise<Formatted[]> {
  const [first] = formatted
  const states = new Map<string, CatalogueState[]>()
  for (const { path: directory } of [...formatted, ...lost]) states.set(directory, await statesIn(directory, options))
  const known = newestOf([...states.values()].flat(), first?.meta.clusterId)
  const taken = new Set(formatted.map(({ meta }) => meta.directoryId))
  const ids = new Map<string, string>()
  for (const each of lost) {
    const free = (known?.directories ?? []).filter(({ directoryId }) => !taken.has(directoryId))
    const own = states.get(each.path) ?? []
    const directoryId = known && (await idOf(each, { known, own, free, isOnly: lost.length === 1 }, options))
    if (!known || directoryId === undefined) throw untold(each)
    taken.add(directoryId)
    ids.set(each.path, directoryId)
  }
  const home = homeAmong(lost)
  const catalogueDirectoryId = first?.meta.catalogueDirectoryId ?? ids.get(home) ?? ''
  const nodeId = first?.meta.nodeId ?? options.nodeId
  // That of the catalogue last: without it a start that finds the others done stops, and names the command.
  for (const [directory, directoryId] of [...ids].toSorted(([one], [other]) => +(one === home) - +(other === home))) {
    const meta = { clusterId: known?.clusterId ?? '', nodeId, directoryId, catalogueDirectoryId }
    await writeMetaProperties(options.fileSystem, directory, meta)
  }
  const surveys = await Promise.all([...ids.keys()].map((each) => surveyDirectory(options.fileSystem, each)))
  return surveys.filter((survey) => survey.kind === 'formatted')
}

/** The catalogue and the copy of it in a directory, those that can be read. */
async function statesIn(directory: string, { fileSystem }: IdentityOptions): Promise<CatalogueState[]> {
  const states = [readableState(path.join(directory, CATALOGUE_FILE)), await readSnapshot(fileSystem, directory)]
  return states.filter((state) => state !== undefined)
}

function readableState(catalogue: string): CatalogueState | undefined {
  try {
    const database = CatalogueDatabase.open(catalogue)
    try {
      return database.state()
    } finally {
      database.close()
    }
  } catch (error) {
    if (error instanceof NewerVersionError) throw error
    return undefined
  }
}

/** Undefined where they are of several clusters and nothing says which is meant. */
function newestOf(states: readonly CatalogueState[], clusterId: string | undefined): CatalogueState | undefined {
  const meant = clusterId ?? states[0]?.clusterId
  if (clusterId === undefined && states.some((state) => state.clusterId !== meant)) return undefined
  const ofCluster = states.filter((state) => state.clusterId === meant)
  return ofCluster.toSorted((one, other) => other.generation - one.generation)[0]
}

interface Evidence {
  readonly known: CatalogueState
  /** What lies in the directory itself. */
  readonly own: readonly CatalogueState[]
  /** Those that no other directory is. */
  readonly free: readonly CatalogueDirectory[]
  readonly isOnly: boolean
}

/** By the partitions it holds and where it was last seen; else as the only one that it can be. */
async function idOf(
  { path: directory }: Nameless,
  { known, own, free, isOnly }: Evidence,
  { fileSystem }: IdentityOptions,
): Promise<string | undefined> {
  const isOurs = own.length > 0 || (await fileSystem.readdir(directory)).includes(journalFileName(0))
  if (!isOurs || own.some(({ clusterId }) => clusterId !== known.clusterId)) return undefined
  const topics = new Map(known.topics.map((topic) => [topic.topicId, topic]))
  const found = await findPartitions(fileSystem, directory)
  const placedOn = found.flatMap(({ topicId, partition }) => {
    const placed = topics.get(topicId ?? '')?.partitions[partition]
    return placed ? [placed.directoryId] : []
  })
  const fitting = free.filter(({ directoryId }) => placedOn.length === 0 || placedOn.includes(directoryId))
  const only = fitting.length === 1 && (isOnly || placedOn.length > 0) ? fitting[0] : undefined
  return (fitting.find((each) => each.path === directory) ?? only)?.directoryId
}

/** The directory with the newest catalogue; else one where a damaged one lies, to be rebuilt; else any. */
function homeAmong(lost: readonly Nameless[]): string {
  const homes = lost.flatMap(({ path: directory }) => {
    const catalogue = path.join(directory, CATALOGUE_FILE)
    return fs.existsSync(catalogue) ? [{ directory, generation: readableState(catalogue)?.generation ?? -1 }] : []
  })
  const [home] = homes.toSorted((one, other) => other.generation - one.generation)
  return home?.directory ?? lost[0]?.path ?? ''
}

function untold({ path: directory, why }: Nameless): StartupError {
  const file = path.join(directory, META_PROPERTIES)
  return new StartupError(
    `${file} is lost or damaged (${why}), and neither a catalogue nor its copies tell for certain which directory this ` +
      `is. Nothing was touched. Name all log directories of the server; otherwise put the file back from a backup, or ` +
      `leave the directory out of log.dirs.`,
  )
}

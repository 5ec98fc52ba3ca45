import * as fs from 'node:fs'
import * as path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { CatalogueDatabase } from '../catalogue/catalogue-database.ts'
import { CATALOGUE_SNAPSHOT, readSnapshot } from '../catalogue/catalogue-snapshot.ts'
import type { CatalogueState } from '../catalogue/catalogue-state.ts'
import { CATALOGUE_FILE } from '../catalogue/catalogue.ts'
import type { FileSystem } from '../file-system.ts'
import { errorMessage, NewerVersionError } from '../startup-error.ts'
import { DatabaseCopy } from './database-copy.ts'
import type { FindingSink } from './finding.ts'
import { checkWal } from './wal-check.ts'

export interface CatalogueCheckOptions {
  readonly fileSystem: FileSystem
  readonly scratch: string
  readonly tell: FindingSink
  readonly onRead: (bytes: number, file: string) => void
}

const REPAIR = "the server does not start until 'posthorn repair' has rebuilt it"
const CONTRADICTED = "the server does not start until 'posthorn repair' has rebuilt the catalogue from its newest copy"

/** What catalogue.db of its home directory holds; undefined where it is damaged. Throws NewerVersionError. */
export function readCatalogue(home: string, options: CatalogueCheckOptions): CatalogueState | undefined {
  const file = path.join(home, CATALOGUE_FILE)
  const { tell } = options
  if (!fs.existsSync(file)) {
    tell({ file, consequence: 'refused', problem: 'the file is missing', meaning: REPAIR })
    return undefined
  }
  checkCatalogueWal(`${file}-wal`, options)
  const copy = new DatabaseCopy(file, options.scratch)
  let database: CatalogueDatabase | undefined
  try {
    database = CatalogueDatabase.open(copy.path)
    return database.state()
  } catch (error) {
    if (error instanceof NewerVersionError) throw error
    const problem = errorMessage(error).replaceAll(copy.path, file).split('. Nothing was touched')[0] ?? ''
    tell({ file, consequence: 'refused', problem, meaning: REPAIR })
    return undefined
  } finally {
    options.onRead(copy.sizeBytes, file)
    database?.close()
    copy.remove()
  }
}

function checkCatalogueWal(file: string, { tell }: CatalogueCheckOptions): void {
  const damage = fs.existsSync(file) ? checkWal(fs.readFileSync(file)) : undefined
  if (!damage) return
  const { position, end, problem, isFollowed } = damage
  const meaning = isFollowed
    ? 'SQLite takes all from there on for never written: changes of topics behind it are lost'
    : 'SQLite takes it for a change that was cut short before it was committed'
  tell({ file, position, end, consequence: isFollowed ? 'lost' : 'unfinished', problem, meaning })
}

/**
 * Holds the copies of the catalogue against it, in the directories that have one. Without a catalogue the newest copy of
 * its cluster takes its place.
 */
export async function checkSnapshots(
  directories: readonly string[],
  clusterId: string | undefined,
  catalogue: CatalogueState | undefined,
  { fileSystem, tell, onRead }: CatalogueCheckOptions,
): Promise<CatalogueState | undefined> {
  let newest: CatalogueState | undefined
  for (const directory of directories) {
    const file = path.join(directory, CATALOGUE_SNAPSHOT)
    const rebuilt = 'the next start writes it anew'
    const state = await readSnapshot(fileSystem, directory)
    if (!state) {
      const isThere = fs.existsSync(file)
      const problem = isThere ? 'the copy of the catalogue is damaged' : 'there is no copy of the catalogue yet'
      tell({ file, consequence: isThere ? 'rebuilt' : 'unfinished', problem, meaning: rebuilt })
      continue
    }
    onRead(fs.statSync(file).size, file)
    if (clusterId !== undefined && state.clusterId !== clusterId) {
      const problem = `it is of cluster ${state.clusterId}, not of ${clusterId}`
      tell({ file, consequence: 'rebuilt', problem, meaning: rebuilt })
      continue
    }
    if (!newest || state.generation > newest.generation) newest = state
    if (catalogue) compare(file, state, catalogue, tell)
  }
  return catalogue ?? newest
}

function compare(file: string, copy: CatalogueState, catalogue: CatalogueState, tell: FindingSink): void {
  if (copy.generation > catalogue.generation) {
    const problem = `the copy has ${copy.generation} changes, the catalogue itself only ${catalogue.generation}`
    tell({ file, consequence: 'refused', problem, meaning: CONTRADICTED })
  } else if (copy.generation < catalogue.generation) {
    const problem = `the copy has ${copy.generation} of ${catalogue.generation} changes`
    tell({ file, consequence: 'unfinished', problem, meaning: 'the next start writes it anew' })
  } else if (!isDeepStrictEqual(sorted(copy), sorted(catalogue))) {
    const problem = 'the copy says something else than the catalogue, after the same number of changes'
    tell({ file, consequence: 'refused', problem, meaning: CONTRADICTED })
  }
}

function sorted(state: CatalogueState): unknown {
  return {
    ...state,
    directories: [...state.directories].sort((one, other) => (one.directoryId < other.directoryId ? -1 : 1)),
    topics: [...state.topics].sort((one, other) => (one.topicId < other.topicId ? -1 : 1)),
  }
}

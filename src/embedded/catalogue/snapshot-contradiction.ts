import * as path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { FileSystem } from '../file-system.ts'
import { CATALOGUE_SNAPSHOT, readSnapshot } from './catalogue-snapshot.ts'
import type { CatalogueState } from './catalogue-state.ts'

export interface FoundSnapshot {
  /** The log directory it lies in. */
  readonly directory: string
  readonly state: CatalogueState
}

/** Of the log directories' copies of a cluster's catalogue all of the newest generation; none where none is valid. */
export async function newestSnapshots(
  directories: readonly string[],
  clusterId: string,
  fileSystem: FileSystem,
): Promise<FoundSnapshot[]> {
  let newest: FoundSnapshot[] = []
  for (const directory of directories) {
    const state = await readSnapshot(fileSystem, directory)
    if (state?.clusterId !== clusterId) continue
    const generation = newest[0]?.state.generation ?? -1
    if (state.generation > generation) newest = []
    if (state.generation >= generation) newest.push({ directory, state })
  }
  return newest
}

/**
 * Why a catalogue's database cannot be right, though SQLite finds nothing wrong with it: its pages have no checksums, and
 * frames of its log that do not fit theirs are dropped without a word. Copies have one, and are written behind the
 * database, never before it.
 *
 * @param newest the copies of the newest generation: each of them must say the same
 */
export function contradictionOf(state: CatalogueState, newest: readonly FoundSnapshot[]): string | undefined {
  for (const copy of newest) {
    const contradiction = contradictionOfCopy(state, copy)
    if (contradiction !== undefined) return contradiction
  }
  return undefined
}

function contradictionOfCopy(state: CatalogueState, copy: FoundSnapshot): string | undefined {
  if (copy.state.clusterId !== state.clusterId) return undefined
  const file = path.join(copy.directory, CATALOGUE_SNAPSHOT)
  if (copy.state.generation > state.generation) {
    return `it is of generation ${state.generation}, older than its copy ${file} of generation ${copy.state.generation}`
  }
  if (copy.state.generation < state.generation) return undefined
  return sameCatalogue(state, copy.state) ? undefined : `it differs from its copy ${file}`
}

/** The order of rows means nothing. */
export function sameCatalogue(one: CatalogueState, other: CatalogueState): boolean {
  return isDeepStrictEqual(ordered(one), ordered(other))
}

function ordered({ directories, topics, ...rest }: CatalogueState): object {
  return {
    ...rest,
    directories: directories.toSorted((one, other) => compare(one.directoryId, other.directoryId)),
    topics: topics.toSorted((one, other) => compare(one.topicId, other.topicId)),
  }
}

function compare(one: string, other: string): number {
  return one < other ? -1 : 1
}

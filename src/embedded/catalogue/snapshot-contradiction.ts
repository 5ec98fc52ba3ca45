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

/** Of the log directories' copies of a cluster's catalogue; undefined where none is valid. */
export async function newestSnapshot(
  directories: readonly string[],
  clusterId: string,
  fileSystem: FileSystem,
): Promise<FoundSnapshot | undefined> {
  let newest: FoundSnapshot | undefined
  for (const directory of directories) {
    const state = await readSnapshot(fileSystem, directory)
    if (state?.clusterId !== clusterId) continue
    if (!newest || state.generation > newest.state.generation) newest = { directory, state }
  }
  return newest
}

/**
 * Why a catalogue's database cannot be right, though SQLite finds nothing wrong with it: its pages have no checksums, and
 * frames of its log that do not fit theirs are dropped without a word. Copies have one, and are written behind the
 * database, never before it.
 */
export function contradictionOf(state: CatalogueState, newest: FoundSnapshot | undefined): string | undefined {
  if (newest === undefined || newest.state.clusterId !== state.clusterId) return undefined
  const copy = path.join(newest.directory, CATALOGUE_SNAPSHOT)
  if (newest.state.generation > state.generation) {
    return `it is of generation ${state.generation}, older than its copy ${copy} of generation ${newest.state.generation}`
  }
  if (newest.state.generation < state.generation) return undefined
  return isDeepStrictEqual(ordered(state), ordered(newest.state)) ? undefined : `it differs from its copy ${copy}`
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

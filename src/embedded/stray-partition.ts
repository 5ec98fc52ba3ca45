import type { Logger } from '../broker/logger.ts'
import type { CatalogueTopic } from './catalogue/catalogue-state.ts'
import { findPartitions, holdsRecords, type FoundPartition, type PartitionName } from './directory/found-partition.ts'
import type { FileSystem } from './file-system.ts'
import { readJournaledPartitions, type JournaledPartitions } from './log/journaled-partitions.ts'

/** A partition's directory that lies where the catalogue does not place it. */
export interface StrayPartition {
  readonly found: FoundPartition
  /** The log directory that it lies in. */
  readonly logDirectory: string
  /** Undefined: the catalogue does not know it. */
  readonly topic: CatalogueTopic | undefined
  /**
   * Whether it goes with the next start: its topic's creation or deletion was broken off, or its own addition, and
   * neither files nor journal have a record of that. Any other stays: the catalogue may be older than the records.
   */
  readonly isUnfinished: boolean
}

interface SearchedDirectory {
  readonly path: string
  readonly directoryId: string
}

/**
 * The partitions' directories that the catalogue does not explain: the rule of a start, of `posthorn repair` and of
 * `posthorn verify`.
 *
 * @param failed told of a log directory that could not be searched; absent: it is thrown
 */
export async function findStrays(
  fileSystem: FileSystem,
  directories: readonly SearchedDirectory[],
  topics: readonly CatalogueTopic[],
  failed?: (directory: SearchedDirectory, error: unknown) => void,
): Promise<StrayPartition[]> {
  const candidates: Candidate[] = []
  for (const directory of directories) {
    try {
      candidates.push(...(await straysIn(fileSystem, directory, topics)))
    } catch (error) {
      if (!failed) throw error
      failed(directory, error)
    }
  }
  // Partitions are added together: where one of them has records, the addition had come to its end.
  const added = new Set(candidates.flatMap(({ topic, hasRecords }) => (topic && hasRecords ? [topic.topicId] : [])))
  return candidates.map(({ found, logDirectory, topic }) => ({
    found,
    logDirectory,
    topic,
    isUnfinished: topic !== undefined && (topic.state !== 'live' || !added.has(topic.topicId)),
  }))
}

type Candidate = Omit<StrayPartition, 'isUnfinished'> & {
  /** Of a live topic. */
  readonly hasRecords: boolean
}

async function straysIn(
  fileSystem: FileSystem,
  { path, directoryId }: SearchedDirectory,
  topics: readonly CatalogueTopic[],
): Promise<Candidate[]> {
  const ending = new Set(topics.flatMap(({ state, name }) => (state === 'live' ? [] : [name])))
  const placed = namesOn(directoryId, topics)
  const found = await findPartitions(fileSystem, path, (name) => ending.has(name.topic) || !placed.has(nameOf(name)))
  let journal: Promise<JournaledPartitions | undefined> | undefined
  const recordsOf = async ({ directory, partition }: FoundPartition, { topicId }: CatalogueTopic): Promise<boolean> => {
    // What cannot be looked into is not removed.
    if (await holdsRecords(fileSystem, directory).catch(() => true)) return true
    journal ??= readJournaledPartitions(fileSystem, path)
    return (await journal)?.hasRecordsOf({ topicId, partition }) ?? true
  }
  const candidates: Candidate[] = []
  for (const each of found) {
    // Of a topic that is to go nothing may be left behind unseen.
    if (each.failure !== undefined && ending.has(each.topic)) throw each.failure
    const topic = each.failure === undefined ? topicOf(each, topics) : undefined
    const isEnding = topic !== undefined && topic.state !== 'live'
    // One of the name of a partition that is placed here is that partition, or in its way: it is told as offline.
    if (placed.has(nameOf(each)) && !isEnding) continue
    const hasRecords = topic !== undefined && !isEnding && (await recordsOf(each, topic))
    candidates.push({ found: each, logDirectory: path, topic, hasRecords })
  }
  return candidates
}

/** Of the partitions of live topics that are placed on a log directory. */
function namesOn(directoryId: string, topics: readonly CatalogueTopic[]): Set<string> {
  const names = new Set<string>()
  for (const { name, state, partitions } of topics) {
    if (state !== 'live') continue
    for (const [partition, placed] of partitions.entries()) {
      if (placed.directoryId === directoryId) names.add(nameOf({ topic: name, partition }))
    }
  }
  return names
}

function nameOf({ topic, partition }: PartitionName): string {
  return `${topic}-${partition}`
}

/** One without an id was torn before its first durable step: it is of the topic of its name, the live one first. */
function topicOf({ topic: name, topicId }: FoundPartition, topics: readonly CatalogueTopic[]) {
  if (topicId !== undefined) return topics.find((topic) => topic.topicId === topicId)
  const named = topics.filter((topic) => topic.name === name)
  return named.find(({ state }) => state === 'live') ?? named[0]
}

/** Names that are told; of the others, how many they are. */
const NAMES_MAX = 10

/** For an operator: which directories of partitions are not served, and what helps. Undefined where there are none. */
export function straysDetail(strays: readonly StrayPartition[]): string | undefined {
  if (strays.length === 0) return undefined
  const names = strays.slice(0, NAMES_MAX).map(({ found }) => found.directory)
  const more = strays.length > NAMES_MAX ? ` and ${strays.length - NAMES_MAX} more` : ''
  const which = strays.length === 1 ? 'a partition directory' : `${strays.length} partition directories`
  return (
    `the catalogue does not explain ${which}: ${names.join(', ')}${more}. Nothing of them is served or ` +
    "removed. If they belong to this server, stop it and run 'posthorn repair', which takes them into the catalogue or " +
    'says why not; else move them out of the log directories.'
  )
}

/** Once a start. */
export function tellStrays(strays: readonly StrayPartition[], logger: Logger): void {
  const detail = straysDetail(strays)
  if (detail === undefined) return
  logger.warn({ directories: strays.slice(0, NAMES_MAX).map(({ found }) => found.directory) }, detail)
}

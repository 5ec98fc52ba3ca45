import type { CatalogueState, CatalogueTopic } from './catalogue-state.ts'
import { stateOfDirectories, type ConfigsByName, type PlacedPartitions } from './state-of-directories.ts'

export interface CompletedCopy {
  readonly state: CatalogueState
  /** Names of the topics of which the copy did not know all, sorted. */
  readonly added: readonly string[]
  /** What of the directories is part of no topic still, and why. */
  readonly leftOut: readonly string[]
}

export interface HeldByDirectories {
  /** The log directory that takes partitions which none holds. */
  readonly homeId: string
  readonly placed: readonly PlacedPartitions[]
  readonly configsOf: ConfigsByName
  readonly partitionsMax: number
}

/**
 * A catalogue or a copy of it, and the topics and partitions that only the directories know: it may be older than they
 * are, if a backup was put back, or its directory was left out of `log.dirs` for a while and the newer copies are damaged.
 * A start would not serve them. What the catalogue says stays as it is.
 */
export function completedCopy(copy: CatalogueState, held: HeldByDirectories): CompletedCopy {
  const { homeId, placed, configsOf, partitionsMax } = held
  const topics = new Map(copy.topics.map((topic) => [topic.topicId, topic]))
  const named = new Map<string, string>()
  for (const { state, name, topicId } of copy.topics) if (state !== 'deleting') named.set(name, topicId)
  const leftOut: string[] = []
  const fitting = placed.map(({ partitions, ...directory }) => ({
    ...directory,
    partitions: partitions.filter(({ topic, topicId, partition, directory: path }) => {
      const known = topicId === undefined ? undefined : topics.get(topicId)
      if (topicId === undefined || known?.state === 'deleting') return false
      const taken = named.get(topic)
      const fits = taken === undefined ? !known : taken === topicId
      if (!fits) leftOut.push(`${path}: its topic id ${topicId} is not that of '${topic}' in the catalogue`)
      const at = known?.partitions[partition]?.directoryId
      const isElsewhere = at !== undefined && at !== directory.directoryId
      if (isElsewhere) leftOut.push(`${path}: the catalogue places the partition in the directory with the id ${at}`)
      return fits && !isElsewhere
    }),
  }))
  const found = stateOfDirectories(copy.clusterId, homeId, fitting, { configsOf, partitionsMax })
  if ('problem' in found) return { state: copy, added: [], leftOut: [...leftOut, found.problem] }
  const later = found.topics.filter((topic) => isMore(topic, topics.get(topic.topicId)))
  for (const topic of later) topics.set(topic.topicId, withLaterPartitions(topic, topics.get(topic.topicId)))
  if (later.length === 0) return { state: copy, added: [], leftOut }
  const present = new Set(found.directories.map(({ directoryId }) => directoryId))
  const absent = copy.directories.filter(({ directoryId }) => !present.has(directoryId))
  const state = { ...copy, directories: [...found.directories, ...absent], topics: [...topics.values()] }
  return { state, added: later.map(({ name }) => name).sort(), leftOut }
}

function isMore(found: CatalogueTopic, known: CatalogueTopic | undefined): boolean {
  return known === undefined || (known.state === 'live' && found.partitions.length > known.partitions.length)
}

function withLaterPartitions(found: CatalogueTopic, known: CatalogueTopic | undefined): CatalogueTopic {
  if (!known) return found
  return { ...known, partitions: [...known.partitions, ...found.partitions.slice(known.partitions.length)] }
}

import type { Database } from 'better-sqlite3'
import type { CatalogueDirectory, CataloguePartition, CatalogueState, TopicState } from './catalogue-state.ts'

interface TopicRow {
  readonly topicId: string
  readonly name: string
  readonly state: TopicState
  readonly internal: number
  readonly configs: string
}

interface PartitionRow extends CataloguePartition {
  readonly topicId: string
}

/** All rows of the catalogue as plain data. */
export function readState(database: Database): CatalogueState {
  const cluster = database
    .prepare<[], { clusterId: string; generation: number; rebuiltMs: number | null }>(
      'SELECT cluster_id AS clusterId, generation, rebuilt_ms AS rebuiltMs FROM cluster',
    )
    .get()
  if (!cluster) throw new SyntaxError('the cluster row is missing')
  const directories = database
    .prepare<[], CatalogueDirectory>('SELECT directory_id AS directoryId, path FROM directories')
    .all()
  const topics = database
    .prepare<[], TopicRow>('SELECT topic_id AS topicId, name, state, internal, configs FROM topics')
    .all()
  const partitions = partitionsByTopic(database)
  const { clusterId, generation, rebuiltMs } = cluster
  return {
    clusterId,
    generation,
    ...(rebuiltMs !== null && { rebuiltMs }),
    directories,
    topics: topics.map((row) => ({
      topicId: row.topicId,
      name: row.name,
      state: row.state,
      internal: row.internal === 1,
      configs: parseConfigs(row.configs),
      partitions: partitions.get(row.topicId) ?? [],
    })),
  }
}

function partitionsByTopic(database: Database): Map<string, CataloguePartition[]> {
  const rows = database
    .prepare<[], PartitionRow>(
      `SELECT topic_id AS topicId, directory_id AS directoryId, log_start_offset AS logStartOffset
       FROM partitions ORDER BY topic_id, partition`,
    )
    .all()
  const byTopic = new Map<string, CataloguePartition[]>()
  for (const { topicId, directoryId, logStartOffset } of rows) {
    const partitions = byTopic.get(topicId)
    if (partitions) partitions.push({ directoryId, logStartOffset })
    else byTopic.set(topicId, [{ directoryId, logStartOffset }])
  }
  return byTopic
}

/** Throws SyntaxError where the text is not an object of texts. */
export function parseConfigs(text: string): Record<string, string> {
  const parsed: unknown = JSON.parse(text)
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new SyntaxError('configs')
  const configs: Record<string, string> = {}
  for (const [name, value] of Object.entries(parsed)) {
    if (typeof value !== 'string') throw new SyntaxError(`configs: ${name}`)
    configs[name] = value
  }
  return configs
}

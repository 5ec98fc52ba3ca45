import type { Logger } from '../broker/logger.ts'
import type { Catalogue } from './catalogue/catalogue.ts'
import type { LogDirectory } from './directory/log-directory.ts'
import type { FileSystem } from './file-system.ts'
import { deletedDirectory, partitionDirectory } from './log/partition-directory.ts'
import { isMissing } from './log/storage-failure.ts'
import { errorMessage } from './startup-error.ts'
import { findStrays, type StrayPartition } from './stray-partition.ts'

export interface UnfinishedTopicsOptions {
  readonly catalogue: Catalogue
  readonly directories: readonly LogDirectory[]
  readonly fileSystem: FileSystem
  readonly logger: Logger
}

/**
 * The second pass of a start: topics whose creation or deletion was broken off go, with their files; partitions whose
 * addition was broken off go if they have no records. What lies on a directory that is offline goes when it is back:
 * until then the topic stays `deleting`. Returns the partitions' directories that stay though the catalogue does not
 * place them there.
 */
export async function removeUnfinishedTopics(options: UnfinishedTopicsOptions): Promise<readonly StrayPartition[]> {
  const { catalogue, directories, logger } = options
  for (const topic of catalogue.topics.values()) {
    if (topic.state === 'live') continue
    logger.warn({ topic: topic.name, topicId: topic.topicId }, `removing a topic that is ${topic.state}`)
    if (topic.state === 'creating') {
      await catalogue.apply({ kind: 'topic-state', topicId: topic.topicId, state: 'deleting' })
    }
  }
  const topics = [...catalogue.topics.values()]
  const online = directories.filter((directory) => directory.online)
  const strays = await findStrays(options.fileSystem, online, topics, ({ path }, error) => fail(path, error, options))
  for (const stray of strays) await removeUnfinished(stray, options)
  const present = new Set(directories.flatMap((directory) => (directory.online ? [directory.directoryId] : [])))
  for (const { topicId, state, partitions } of topics) {
    const isGone = partitions.every(({ directoryId }) => present.has(directoryId))
    if (state !== 'live' && isGone) await catalogue.apply({ kind: 'topic-gone', topicId })
  }
  return strays.filter(({ isUnfinished }) => !isUnfinished)
}

async function removeUnfinished(stray: StrayPartition, options: UnfinishedTopicsOptions): Promise<void> {
  const { found, topic, isUnfinished, logDirectory } = stray
  const directory = options.directories.find(({ path }) => path === logDirectory)
  if (!isUnfinished || !topic || !directory?.online) return
  const partition = { ...found, topicId: topic.topicId }
  try {
    await directory.reserve.spend(() => removePartition(options.fileSystem, logDirectory, partition))
  } catch (error) {
    fail(logDirectory, error, options)
  }
}

/** A directory that fails here is offline; the others go on. */
function fail(path: string, error: unknown, { directories, logger }: UnfinishedTopicsOptions): void {
  const reason = `unfinished topics could not be removed: ${errorMessage(error)}`
  directories.find((directory) => directory.path === path)?.takeOffline(reason)
  logger.error({ logDir: path }, `log directory offline: ${reason}`)
}

/** Renamed first, durably: what is half removed must not be taken for a partition again. */
async function removePartition(
  fileSystem: FileSystem,
  logDirectory: string,
  partition: { readonly topic: string; readonly topicId: string; readonly partition: number },
): Promise<void> {
  const doomed = deletedDirectory(logDirectory, partition)
  const named = partitionDirectory(logDirectory, partition.topic, partition.partition)
  await fileSystem.removeTree(doomed)
  await fileSystem.rename(named, doomed).catch((error: unknown) => {
    // An earlier try has come that far.
    if (!isMissing(error)) throw error
  })
  await fileSystem.syncDirectory(logDirectory)
  await fileSystem.removeTree(doomed)
}

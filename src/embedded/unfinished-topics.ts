import * as path from 'node:path'
import type { Logger } from '../broker/logger.ts'
import type { CatalogueTopic } from './catalogue/catalogue-state.ts'
import type { Catalogue } from './catalogue/catalogue.ts'
import type { LogDirectory } from './directory/log-directory.ts'
import type { FileSystem } from './file-system.ts'
import { deletedDirectory, partitionDirectory, partitionOfDirectory, readTopicId } from './log/partition-directory.ts'
import { errorMessage } from './startup-error.ts'

export interface UnfinishedTopicsOptions {
  readonly catalogue: Catalogue
  readonly directories: readonly LogDirectory[]
  readonly fileSystem: FileSystem
  readonly logger: Logger
}

/**
 * The second pass of a start: topics whose creation or deletion was broken off go, with their files; partitions whose
 * addition was broken off go if they are empty. What lies on a directory that is offline goes when it is back: until
 * then the topic stays `deleting`.
 */
export async function removeUnfinishedTopics(options: UnfinishedTopicsOptions): Promise<void> {
  const { catalogue, directories, logger } = options
  const byId = new Map(directories.map((directory) => [directory.directoryId, directory]))
  for (const topic of catalogue.topics.values()) {
    if (topic.state === 'live') continue
    logger.warn({ topic: topic.name, topicId: topic.topicId }, `removing a topic that is ${topic.state}`)
    if (topic.state === 'creating') {
      await catalogue.apply({ kind: 'topic-state', topicId: topic.topicId, state: 'deleting' })
    }
    for (const directory of directories) if (directory.online) await removeFilesOf(topic, directory, options)
    const complete = topic.partitions.every(({ directoryId }) => byId.get(directoryId)?.online)
    if (complete) await catalogue.apply({ kind: 'topic-gone', topicId: topic.topicId })
  }
  for (const directory of directories) if (directory.online) await removeStrays(directory, options)
}

async function removeFilesOf(
  topic: CatalogueTopic,
  directory: LogDirectory,
  options: UnfinishedTopicsOptions,
): Promise<void> {
  await disk(directory, options.logger, async () => {
    for (const name of await options.fileSystem.readdir(directory.path)) {
      const found = partitionOfDirectory(name)
      if (found?.topic !== topic.name) continue
      const topicId = await readTopicId(options.fileSystem, path.join(directory.path, name))
      // Without an id it is a creation that was torn before its first durable step, unless a live topic has the name.
      if (topicId === topic.topicId || (topicId === undefined && !isLive(options.catalogue, topic.name))) {
        await removePartition(options.fileSystem, directory.path, { ...found, topicId: topic.topicId })
      }
    }
  })
}

/** Empty partitions of live topics that the catalogue does not place here: their addition did not get to its end. */
async function removeStrays(directory: LogDirectory, options: UnfinishedTopicsOptions): Promise<void> {
  const live = new Map<string, CatalogueTopic>()
  for (const topic of options.catalogue.topics.values()) if (topic.state === 'live') live.set(topic.name, topic)
  await disk(directory, options.logger, async () => {
    for (const name of await options.fileSystem.readdir(directory.path)) {
      const found = partitionOfDirectory(name)
      const topic = found && live.get(found.topic)
      if (!topic || topic.partitions[found.partition]?.directoryId === directory.directoryId) continue
      const whole = path.join(directory.path, name)
      const topicId = await readTopicId(options.fileSystem, whole)
      if (topicId !== undefined && topicId !== topic.topicId) continue
      if (await holdsRecords(options.fileSystem, whole)) {
        options.logger.error({ path: whole }, 'the catalogue does not place this partition here; it is left alone')
      } else await removePartition(options.fileSystem, directory.path, { ...found, topicId: topic.topicId })
    }
  })
}

function isLive(catalogue: Catalogue, name: string): boolean {
  for (const topic of catalogue.topics.values()) if (topic.state === 'live' && topic.name === name) return true
  return false
}

/** Of a partition's directory. */
export async function holdsRecords(fileSystem: FileSystem, directory: string): Promise<boolean> {
  for (const name of await fileSystem.readdir(directory)) {
    if (!name.endsWith('.log')) continue
    if ((await fileSystem.stat(path.join(directory, name))).sizeBytes > 0) return true
  }
  return false
}

/** Renamed first, durably: what is half removed must not be taken for a partition again. */
async function removePartition(
  fileSystem: FileSystem,
  logDirectory: string,
  partition: { readonly topic: string; readonly topicId: string; readonly partition: number },
): Promise<void> {
  const doomed = deletedDirectory(logDirectory, partition)
  await fileSystem.removeTree(doomed)
  await fileSystem.rename(partitionDirectory(logDirectory, partition.topic, partition.partition), doomed)
  await fileSystem.syncDirectory(logDirectory)
  await fileSystem.removeTree(doomed)
}

/** A directory that fails here is offline; the others go on. */
async function disk(directory: LogDirectory, logger: Logger, step: () => Promise<void>): Promise<void> {
  try {
    await directory.reserve.spend(step)
  } catch (error) {
    const reason = `unfinished topics could not be removed: ${errorMessage(error)}`
    directory.takeOffline(reason)
    logger.error({ logDir: directory.path }, `log directory offline: ${reason}`)
  }
}

import type { CatalogueTopic } from './catalogue/catalogue-state.ts'
import type { Catalogue } from './catalogue/catalogue.ts'
import { watchClock, type ClockWatch } from './clock-watch.ts'
import { closeHost, openHost, type DirectoryHost } from './directory-host.ts'
import type { LogDirectory } from './directory/log-directory.ts'
import { openDirectories } from './directory/open-directories.ts'
import { openFilesLimit } from './descriptor-limit.ts'
import type { EmbeddedEngineOptions } from './embedded-engine-options.ts'
import { LiveTopic, type PartitionSlot } from './live-topic.ts'
import { withDescriptorRelief } from './log/descriptor-relief.ts'
import { OpenFiles } from './log/open-files.ts'
import type { PartitionPlacement } from './log/partition-log.ts'
import { DirectoryRequests } from './producers/directory-requests.ts'
import { PackedRequestMemory } from './producers/packed-request-memory.ts'
import { errorMessage } from './startup-error.ts'
import { steadyTime } from './stamping-clock.ts'
import { tellStrays, type StrayPartition } from './stray-partition.ts'
import { TopicTable } from './topic-table.ts'
import { removeUnfinishedTopics } from './unfinished-topics.ts'

/** What the engine holds on disk, open. */
export interface Storage {
  /** Offline ones too. */
  readonly directories: readonly LogDirectory[]
  readonly catalogue: Catalogue
  readonly hosts: readonly DirectoryHost[]
  readonly files: OpenFiles
  readonly table: TopicTable
  /** Published, and known again if they are sent again. */
  readonly requests: PackedRequestMemory
  readonly clockWatch: ClockWatch
  /** Partitions' directories that the catalogue does not explain: left alone, and not served. */
  readonly strays: StrayPartition[]
}

/** The passes of a start; the numbers are those of the recovery. If one fails, what was opened is released. */
export async function startStorage(options: EmbeddedEngineOptions): Promise<Storage> {
  // 1: whose directories these are, their locks, the catalogue.
  const { directories, catalogue } = await openDirectories(options)
  const limit = openFilesLimit(options.limits.openFilesMax)
  const files = new OpenFiles({ fileSystem: options.fileSystem, limit })
  const fileSystem = withDescriptorRelief(options.fileSystem, files)
  const table = new TopicTable()
  const hosts: DirectoryHost[] = []
  // What is remembered expires by a time that can be believed.
  const clockWatch = await watchClock(options, directories, table)
  const now = (): number => clockWatch.deletionClock.believedNow()
  const requests = new PackedRequestMemory({ ...options.producers, now, steadyNow: steadyTime(options.clock, now()) })
  const storage: Storage = { directories, catalogue, hosts, files, table, requests, clockWatch, strays: [] }
  try {
    if (options.catalogueRebuildAccepted) await confirmRebuilt(catalogue, options)
    // 2: topics that were not wholly created or deleted.
    storage.strays.push(...(await removeUnfinishedTopics({ ...options, catalogue, directories })))
    tellStrays(storage.strays, options.logger)
    await catalogue.refreshSnapshots()
    // 3 to 5: half-made files, journal, partitions; the directories side by side.
    const topics = liveTopics(catalogue, options)
    for (const topic of topics.keys()) table.add(topic)
    const online = directories.filter((directory) => directory.online)
    const placements = Map.groupBy(placementsOf(topics), ({ directoryId }) => directoryId)
    const opening = online.map(async (directory) => {
      const placed = placements.get(directory.directoryId) ?? []
      const topicConfigOf = (topicId: string) => table.byId(topicId)?.config()
      const factsMemory = new DirectoryRequests(requests, directory.directoryId, catalogue, options.producers)
      const settings = { ...options, fileSystem, directory, files, topicConfigOf, factsMemory }
      hosts.push(await openHost({ ...settings, placements: placed.map((each) => each.placement) }))
    })
    const failed = (await Promise.allSettled(opening)).find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
    // 6: what is served. Committed offsets are read back by the coordinator, indexes rebuilt by theirs, meanwhile.
    for (const [topic, row] of topics) topic.slots = slotsOf(topic, row, storage)
    return storage
  } catch (error) {
    await stopStorage(storage, options)
    throw error
  }
}

async function confirmRebuilt(catalogue: Catalogue, { logger }: EmbeddedEngineOptions): Promise<void> {
  if (catalogue.rebuiltMs === undefined) return
  await catalogue.apply({ kind: 'confirmed' })
  logger.warn({}, 'catalogue.rebuild.accept is set: topics are kept as their settings say from now on')
}

/** Ends everything in order, each step even if the one before failed: locks are always released. */
export async function stopStorage(storage: Storage, { logger, fileSystem }: EmbeddedEngineOptions): Promise<void> {
  const { hosts, files, catalogue, directories, clockWatch } = storage
  const step = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      logger.error({ err: error }, `${what} did not close cleanly: ${errorMessage(error)}`)
    }
  }
  await Promise.all(hosts.map((host) => step(host.directory.path, () => closeHost(host, fileSystem))))
  await step('the clock file', () => clockWatch.stop())
  await step('open files', () => files.closeAll())
  await step('the catalogue', () => catalogue.close())
  for (const directory of directories) directory.releaseLock()
}

function liveTopics(catalogue: Catalogue, options: EmbeddedEngineOptions): Map<LiveTopic, CatalogueTopic> {
  const live = new Map<LiveTopic, CatalogueTopic>()
  for (const row of catalogue.topics.values()) {
    if (row.state === 'live') live.set(new LiveTopic(row, options.resolveTopicConfig), row)
  }
  return live
}

function placementsOf(
  topics: ReadonlyMap<LiveTopic, CatalogueTopic>,
): { directoryId: string; placement: PartitionPlacement }[] {
  return [...topics].flatMap(([topic, row]) =>
    row.partitions.map(({ directoryId, logStartOffset }, partition) => ({
      directoryId,
      placement: { topic: topic.name, topicId: topic.topicId, partition, logStartOffset, config: topic.config },
    })),
  )
}

function slotsOf(topic: LiveTopic, row: CatalogueTopic, { directories, hosts }: Storage): PartitionSlot[] {
  return row.partitions.map(({ directoryId }, partition) => {
    const host = hosts.find((candidate) => candidate.directory.directoryId === directoryId)
    const log = host?.log.partition(topic.topicId, partition)
    if (host && log) return { partition, host, log }
    const directory = directories.find((candidate) => candidate.directoryId === directoryId)
    const reason = host?.log.reason ?? directory?.offlineReason ?? 'its log directory does not hold it'
    return { partition, directory, reason }
  })
}

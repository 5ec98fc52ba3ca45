import * as path from 'node:path'
import type { Clock } from '../broker/clock.ts'
import type { CommitObserver } from '../broker/engine-statistics.ts'
import type { Logger } from '../broker/logger.ts'
import type { TopicConfig } from '../broker/topic-config.ts'
import type { LogDirectory } from './directory/log-directory.ts'
import { writeOffsetCheckpoint } from './directory/offset-checkpoint.ts'
import type { JournalSettings, SpaceSettings } from './embedded-engine-options.ts'
import type { FileSystem } from './file-system.ts'
import type { IndexedSegment } from './index/index-messages.ts'
import { LogIndexer } from './index/log-indexer.ts'
import { INDEX_FILE } from './index/sqlite-segment-index.ts'
import { DirectoryLog } from './log/directory-log.ts'
import type { OpenFiles } from './log/open-files.ts'
import type { PartitionPlacement } from './log/partition-log.ts'
import { PartitionReader } from './log/partition-reader.ts'
import type { FactsMemory } from './producers/directory-facts.ts'
import { type LogIndex, machineDrivers, type StorageDrivers } from './storage-drivers.ts'

/** An online log directory at work: its partitions' logs, and how they are indexed and read. */
export interface DirectoryHost {
  readonly directory: LogDirectory
  readonly log: DirectoryLog
  readonly index: LogIndex
  readonly indexer: LogIndexer
  readonly reader: PartitionReader
}

export interface OpenHostOptions {
  readonly directory: LogDirectory
  readonly placements: readonly PartitionPlacement[]
  readonly files: OpenFiles
  /** The config of a live topic, by its id. */
  readonly topicConfigOf: (topicId: string) => TopicConfig | undefined
  readonly journal: JournalSettings
  readonly space: SpaceSettings
  readonly recoveryThreadsPerDataDir: number
  readonly factsMemory: FactsMemory
  readonly fileSystem: FileSystem
  readonly drivers?: StorageDrivers
  readonly clock: Clock
  readonly random: (sizeBytes: number) => Uint8Array
  readonly logger: Logger
  readonly commitObserver?: CommitObserver
}

/** Kafka's default, for a topic that is just being deleted. */
const INDEX_INTERVAL_BYTES = 4096

/** Recovers a directory's log. What is wrong with its disk makes it offline, and is no reason to reject. */
export async function openHost(options: OpenHostOptions): Promise<DirectoryHost> {
  const { directory, files, clock, logger, topicConfigOf } = options
  const { drivers = machineDrivers } = options
  const index = drivers.openIndex({ path: path.join(directory.path, INDEX_FILE), clock, logger })
  try {
    let opened: DirectoryLog | undefined
    const intervalBytesOf = (topicId: string): number =>
      topicConfigOf(topicId)?.indexIntervalBytes ?? INDEX_INTERVAL_BYTES
    const indexer = new LogIndexer({
      index,
      intervalBytesOf,
      maxTimestampOf: ({ topicId, partition, segmentBaseOffset }) =>
        opened?.partition(topicId, partition)?.segments.findLast((segment) => segment.baseOffset === segmentBaseOffset)
          ?.maxTimestamp,
    })
    const log = await openLog(options, indexer)
    opened = log
    index.rebuildFrom(() => segmentsOf(log, intervalBytesOf))
    return { directory, log, index, indexer, reader: new PartitionReader({ files, index, logger }) }
  } catch (error) {
    await index.close()
    throw error
  }
}

/** Ends the log with a checkpoint marked clean, and leaves Kafka's own checkpoints for its tools. */
export async function closeHost(host: DirectoryHost, fileSystem: FileSystem): Promise<void> {
  try {
    await host.log.close()
    if (isWritable(host)) await writeKafkaCheckpoints(host, fileSystem)
  } finally {
    await host.index.close()
  }
}

/** Takes new partitions: neither offline nor poisoned. */
export function isWritable(host: DirectoryHost): boolean {
  return host.directory.online && host.log.state === 'online'
}

function openLog(options: OpenHostOptions, indexer: LogIndexer): Promise<DirectoryLog> {
  const { directory, journal, space, commitObserver } = options
  return DirectoryLog.open({
    ...options,
    path: directory.path,
    reserve: directory.reserve,
    indexer,
    limits: {
      journalFileBytes: journal.fileBytes,
      directMinBytes: journal.directMinBytes,
      recoveryThreads: options.recoveryThreadsPerDataDir,
      pendingMaxBytes: journal.pendingMaxBytes,
      checkpointDirectBytes: journal.checkpointDirectBytes,
      ...(space.freeMinBytes >= 0 && { lowWaterBytes: space.freeMinBytes }),
    },
    ...(commitObserver && { observer: commitObserver }),
  })
}

function* segmentsOf(log: DirectoryLog, intervalBytesOf: (topicId: string) => number): Iterable<IndexedSegment> {
  for (const { topicId, partition, segments } of log.partitions()) {
    for (const { baseOffset, generation, path: file, fileBytes } of segments) {
      const key = { topicId, partition, segmentBaseOffset: baseOffset, generation }
      yield { key, path: file, fileBytes, intervalBytes: intervalBytesOf(topicId) }
    }
  }
}

async function writeKafkaCheckpoints({ directory, log }: DirectoryHost, fileSystem: FileSystem): Promise<void> {
  const partitions = [...log.partitions()]
  const ends = partitions.map(({ topic, partition, highWatermark }) => ({ topic, partition, offset: highWatermark }))
  const starts = partitions.map(({ topic, partition, logStartOffset }) => ({
    topic,
    partition,
    offset: logStartOffset,
  }))
  await writeOffsetCheckpoint(fileSystem, directory.path, 'recovery-point-offset-checkpoint', ends)
  await writeOffsetCheckpoint(fileSystem, directory.path, 'replication-offset-checkpoint', ends)
  await writeOffsetCheckpoint(fileSystem, directory.path, 'log-start-offset-checkpoint', starts)
}

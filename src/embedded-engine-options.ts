import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { Clock } from './broker/clock.ts'
import type { Logger } from './broker/logger.ts'
import { resolveTopicConfig } from './broker/topic-config-definitions.ts'
import type { ServerConfig } from './config/server-config.ts'
import type { EmbeddedEngineOptions } from './embedded/embedded-engine-options.ts'
import { nodeFileSystem } from './embedded/node-file-system.ts'
import { limitSyncs } from './embedded/sync-limits.ts'

/** What the embedded engine is made with, but for what only a server that listens can tell. */
export function embeddedEngineOptions(
  config: ServerConfig,
  clock: Clock,
  logger: Logger,
): Omit<EmbeddedEngineOptions, 'commitObserver' | 'advertisedListener'> {
  return {
    logDirs: config.logDirs.map((directory) => resolve(directory)),
    nodeId: config.nodeId,
    ...(config.brokerRack !== undefined && { rack: config.brokerRack }),
    resolveTopicConfig: (overrides) => resolveTopicConfig(config.brokerTopicDefaults, overrides),
    ...limits(config),
    ...groups(config),
    ...storage(config),
    ...keeping(config),
    fileSystem: limitSyncs(nodeFileSystem),
    clock,
    random: randomBytes,
    logger,
  }
}

type Part<Names extends keyof EmbeddedEngineOptions> = Pick<EmbeddedEngineOptions, Names>

function limits(config: ServerConfig): Part<'limits' | 'producers'> {
  return {
    limits: {
      partitionsPerTopicMax: config.topicPartitionsMax,
      partitionsMax: config.partitionsMax,
      produceInflightBytesMax: config.produceInflightMaxBytes,
      admissionWaitMs: config.requestAdmissionWaitMs,
      waitingReadsMax: config.fetchWaitingMax,
      openFilesMax: config.logOpenFilesMax,
    },
    producers: {
      maxBytes: config.producerStateMaxBytes,
      producerExpirationMs: config.producerIdExpirationMs,
      expirationCheckIntervalMs: config.producerIdExpirationCheckIntervalMs,
      keyRetentionMs: config.idempotencyKeyRetentionMs,
    },
  }
}

function groups(config: ServerConfig): Part<'groups' | 'offsetsRetention'> {
  return {
    groups: {
      offsetsTopicPartitions: config.offsetsTopicNumPartitions,
      offsetsTopicSegmentBytes: config.offsetsTopicSegmentBytes,
      offsetMetadataBytesMax: config.offsetMetadataMaxBytes,
      members: {
        sessionTimeoutMs: config.groupConsumerSessionTimeoutMs,
        heartbeatIntervalMs: config.groupConsumerHeartbeatIntervalMs,
        maxSize: config.groupConsumerMaxSize,
        assignors: config.groupConsumerAssignors,
      },
    },
    offsetsRetention: {
      retentionMs: config.offsetsRetentionMinutes * 60_000,
      checkIntervalMs: config.offsetsRetentionCheckIntervalMs,
    },
  }
}

type StorageOptions = 'journal' | 'space' | 'clockJumps' | 'catalogueRebuildAccepted' | 'recoveryThreadsPerDataDir'

function storage(config: ServerConfig): Part<StorageOptions> {
  return {
    journal: {
      fileBytes: config.journalFileBytes,
      directMinBytes: config.journalDirectMinBytes,
      pendingMaxBytes: config.journalPendingMaxBytes,
      checkpointDirectBytes: config.journalCheckpointDirectBytes,
    },
    space: { freeMinBytes: config.logDirFreeMinBytes, reserveBytes: config.logDirReserveBytes },
    clockJumps: { maxMs: config.clockJumpMaxMs, accepted: config.clockJumpAccept },
    catalogueRebuildAccepted: config.catalogueRebuildAccept,
    recoveryThreadsPerDataDir: config.numRecoveryThreadsPerDataDir,
  }
}

function keeping(config: ServerConfig): Part<'retentionCheckIntervalMs' | 'cleaning' | 'scrub'> {
  return {
    retentionCheckIntervalMs: config.logRetentionCheckIntervalMs,
    cleaning: {
      enabled: config.logCleanerEnable,
      threads: config.logCleanerThreads,
      backoffMs: config.logCleanerBackoffMs,
      dedupeBufferBytes: config.logCleanerDedupeBufferSize,
      loadFactor: config.logCleanerIoBufferLoadFactor,
      ioBufferBytes: config.logCleanerIoBufferSize,
      ioBytesPerSecondMax: config.logCleanerIoMaxBytesPerSecond,
    },
    scrub: { bytesPerSecond: config.logScrubBytesPerSecond, intervalMs: config.logScrubIntervalMs },
  }
}

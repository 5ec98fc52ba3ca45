import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { systemClock } from '../../src/broker/clock.ts'
import { silentLogger } from '../../src/broker/logger.ts'
import { resolveTopicConfig } from '../../src/broker/topic-config-definitions.ts'
import type { EmbeddedEngineOptions } from '../../src/embedded/embedded-engine-options.ts'
import { EmbeddedEngine } from '../../src/embedded/embedded-engine.ts'
import { nodeFileSystem } from '../../src/embedded/node-file-system.ts'
import { cleanUpBehind, tempDirectory } from './temp-directory.ts'

const MIB = 1024 * 1024

/** Small and quick. */
export const engineSettings = {
  nodeId: 1,
  advertisedListener: () => ({ host: '127.0.0.1', port: 8082 }),
  limits: {
    partitionsPerTopicMax: 1000,
    partitionsMax: 2000,
    produceInflightBytesMax: 64 * MIB,
    admissionWaitMs: 0,
    waitingReadsMax: 3,
    openFilesMax: 64,
  },
  journal: {
    fileBytes: 2 * MIB,
    directMinBytes: MIB / 2,
    pendingMaxBytes: 16 * MIB,
    checkpointDirectBytes: 64 * MIB,
  },
  space: { freeMinBytes: 0, reserveBytes: 64 * 1024 },
  groups: {
    offsetsTopicPartitions: 4,
    offsetsTopicSegmentBytes: MIB,
    offsetMetadataBytesMax: 4096,
    members: {
      sessionTimeoutMs: 45_000,
      heartbeatIntervalMs: 5000,
      maxSize: 10_000,
      assignors: ['uniform', 'range'],
    },
  },
  producers: {
    maxBytes: 4 * MIB,
    producerExpirationMs: 86_400_000,
    expirationCheckIntervalMs: 600_000,
    keyRetentionMs: 600_000,
  },
  retentionCheckIntervalMs: 300_000,
  offsetsRetention: { retentionMs: 7 * 86_400_000, checkIntervalMs: 600_000 },
  cleaning: {
    enabled: true,
    threads: 1,
    backoffMs: 15_000,
    dedupeBufferBytes: MIB,
    loadFactor: 0.9,
    ioBufferBytes: 128 * 1024,
    ioBytesPerSecondMax: Number.MAX_VALUE,
  },
  clockJumps: { maxMs: 86_400_000, accepted: false },
  scrub: { bytesPerSecond: 0, intervalMs: 3_600_000 },
  catalogueRebuildAccepted: false,
  recoveryThreadsPerDataDir: 2,
} as const

/** In a directory of the test's own unless `logDirs` says otherwise. */
export function embeddedOptions(t: TestContext, options: Partial<EmbeddedEngineOptions> = {}): EmbeddedEngineOptions {
  return {
    ...engineSettings,
    logDirs: options.logDirs ?? [tempDirectory(t)],
    resolveTopicConfig: (overrides) => resolveTopicConfig(new Map(), overrides),
    fileSystem: nodeFileSystem,
    clock: systemClock,
    random: randomBytes,
    logger: silentLogger,
    ...options,
  }
}

/** An open engine, closed behind the test. */
export async function openEmbeddedEngine(
  t: TestContext,
  options: Partial<EmbeddedEngineOptions> = {},
): Promise<EmbeddedEngine> {
  const engine = await EmbeddedEngine.open(embeddedOptions(t, options))
  cleanUpBehind(t, () => engine.close())
  await engine.groups.load()
  return engine
}

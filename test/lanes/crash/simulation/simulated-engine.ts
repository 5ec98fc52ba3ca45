import { silentLogger } from '../../../../src/broker/logger.ts'
import { resolveTopicConfig } from '../../../../src/broker/topic-config-definitions.ts'
import type { EmbeddedEngineOptions } from '../../../../src/embedded/embedded-engine-options.ts'
import { engineSettings } from '../../../support/embedded-engine.ts'
import type { FakeClock } from '../../../support/fake-clock.ts'
import type { MemoryFileSystem } from '../../../support/memory-file-system.ts'
import { SimulatedCatalogue } from './simulated-catalogue.ts'
import { SimulatedCleaning } from './simulated-cleaning.ts'
import { SimulatedIndex } from './simulated-index.ts'

export const LOG_DIRS = ['/first', '/second'] as const

const KIB = 1024
/** Kafka's least segment is 1 MiB; here segments roll, are removed and compacted within a few dozen requests. */
const SEGMENT_BYTES = 3 * KIB

const { limits, groups, producers, cleaning } = engineSettings

export interface SimulatedMachine {
  readonly disk: MemoryFileSystem
  readonly clock: FakeClock
  readonly random: () => number
  /** By log directory's path. */
  readonly indexes: Map<string, SimulatedIndex>
  /** Bytes went to or from a disk past its paced calls. */
  readonly onIo: () => void
  readonly onCompacted: () => void
}

/** A whole engine that needs nothing of the machine it runs on: everything is on the simulated disk, in one thread. */
export function simulatedOptions(machine: SimulatedMachine): EmbeddedEngineOptions {
  const { disk, clock, random, indexes } = machine
  return {
    ...engineSettings,
    logDirs: LOG_DIRS,
    resolveTopicConfig: (overrides) => ({
      ...resolveTopicConfig(new Map(), overrides),
      segmentBytes: SEGMENT_BYTES,
      indexIntervalBytes: 400,
      fileDeleteDelayMs: 100,
    }),
    limits: { ...limits, waitingReadsMax: 10 },
    // Journal files change, appends go direct and checkpoints are taken within a few dozen requests.
    journal: {
      fileBytes: 64 * KIB,
      directMinBytes: 1.5 * KIB,
      pendingMaxBytes: 256 * KIB,
      checkpointDirectBytes: 30 * KIB,
    },
    space: { freeMinBytes: 0, reserveBytes: KIB },
    groups: { ...groups, offsetsTopicPartitions: 2, members: { ...groups.members, sessionTimeoutMs: 3_600_000 } },
    producers: { ...producers, maxBytes: 256 * KIB, keyRetentionMs: 86_400_000 },
    retentionCheckIntervalMs: 1000,
    cleaning: { ...cleaning, backoffMs: 400, dedupeBufferBytes: 32 * KIB },
    fileSystem: disk,
    drivers: {
      lockDirectory: () => ({ release: () => {} }),
      startCatalogue: () => new SimulatedCatalogue(disk),
      openIndex: ({ path }) => {
        const index = indexes.get(path) ?? new SimulatedIndex()
        indexes.set(path, index)
        return index
      },
      startCleaning: (settings) =>
        new SimulatedCleaning({
          settings,
          files: () => disk.cleaningFiles,
          onIo: machine.onIo,
          onGroup: machine.onCompacted,
        }),
    },
    clock,
    random: (sizeBytes) => Buffer.from(Array.from({ length: sizeBytes }, () => Math.floor(random() * 256))),
    logger: silentLogger,
  }
}

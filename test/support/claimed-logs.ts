import { BrokerError } from '../../src/broker/broker-error.ts'
import type { AppendPartResult, AppendRequest, AppendResult } from '../../src/broker/append-request.ts'
import type { AppendFacts } from '../../src/embedded/commit/append-facts.ts'
import type { DirectoryLog } from '../../src/embedded/log/directory-log.ts'
import type { DirectoryLogOptions } from '../../src/embedded/log/directory-log-options.ts'
import { EmbeddedProducers } from '../../src/embedded/producers/embedded-producers.ts'
import { doubtLostParts } from '../../src/embedded/producers/lost-parts.ts'
import { PackedRequestMemory } from '../../src/embedded/producers/packed-request-memory.ts'
import type { FakeClock } from './fake-clock.ts'
import { openLog, partitionOf, placementOf, tinyLimits, TOPIC_ID } from './log-directory-fixture.ts'
import type { MemoryFileSystem } from './memory-file-system.ts'

export const CLAIMED_DIRECTORIES = ['/a', '/b'] as const
export const CLAIMED_PARTITIONS = 4
export const CLAIMED_TOPIC = 'orders'

const HOUR_MS = 3_600_000

/** Makes both directories, durably. */
export async function makeClaimedDirectories(disk: MemoryFileSystem): Promise<void> {
  for (const directory of CLAIMED_DIRECTORIES) await disk.mkdir(directory)
  await disk.syncDirectory('/')
}

/**
 * One topic whose partitions lie in two log directories by turns, and what knows its publish requests again: the engine
 * without catalogue and threads, on a disk that can be broken.
 */
export class ClaimedLogs {
  readonly memory: PackedRequestMemory
  readonly producers: EmbeddedProducers
  readonly logs: readonly DirectoryLog[]
  isOpen = true
  isDeleted = false

  private constructor(memory: PackedRequestMemory, logs: readonly DirectoryLog[], clock: FakeClock) {
    this.memory = memory
    this.logs = logs
    this.producers = new EmbeddedProducers({
      memory,
      topic: (name) =>
        name === CLAIMED_TOPIC && !this.isDeleted
          ? { topicId: TOPIC_ID, partitionCount: CLAIMED_PARTITIONS }
          : undefined,
      append: (_topicId, request, facts) => this.#append(request, facts),
      checkOpen: () => {
        if (!this.isOpen) throw new BrokerError('SERVER_STOPPING', 'stopping', { stored: 'no' })
      },
      clock,
    })
    const lostMsOf = (_topicId: string, partition: number): number => this.logOf(partition).factsLostMs
    doubtLostParts(memory.all(), lostMsOf, this.producers)
  }

  static async open(
    disk: MemoryFileSystem,
    clock: FakeClock,
    options: Partial<DirectoryLogOptions> = {},
  ): Promise<ClaimedLogs> {
    const limits = { maxBytes: 1024 * 1024, producerExpirationMs: 24 * HOUR_MS, keyRetentionMs: HOUR_MS }
    const memory = new PackedRequestMemory({ ...limits, now: () => clock.now(), steadyNow: () => clock.now() })
    const logs = CLAIMED_DIRECTORIES.map(async (path, index) => {
      const isHere = (partition: number): boolean => partition % CLAIMED_DIRECTORIES.length === index
      const factsMemory = {
        keptMs: 24 * HOUR_MS,
        load: (facts: Parameters<typeof memory.record>[0]) => {
          if (memory.isCurrent(facts)) memory.record(facts)
        },
        *live() {
          for (const facts of memory.all()) {
            const stored = facts.stored.filter(({ partition }) => isHere(partition))
            if (stored.length > 0) yield { ...facts, stored }
          }
        },
      }
      const placements = Array.from({ length: CLAIMED_PARTITIONS }, (_, partition) => placementOf(partition))
      const here = placements.filter(({ partition }) => isHere(partition))
      const isNew = (await disk.readdir(path)).length === 0
      const fixed = { clock, path, factsMemory, limits: { ...tinyLimits, producersFileMinBytes: 8 * 1024 } }
      const log = await openLog(disk, isNew ? [] : here, { ...fixed, ...options })
      if (isNew) await log.createPartitions(here)
      return log
    })
    return new ClaimedLogs(memory, await Promise.all(logs), clock)
  }

  logOf(partition: number): DirectoryLog {
    return this.logs[partition % CLAIMED_DIRECTORIES.length]!
  }

  /** Waiting claims are refused; what is under way ends as the disk lets it. */
  stop(): void {
    this.isOpen = false
    this.producers.close()
  }

  async close(): Promise<void> {
    this.stop()
    for (const log of this.logs) await log.close()
  }

  async #append({ parts, acks }: AppendRequest, facts: AppendFacts): Promise<AppendResult> {
    const shares = Map.groupBy(parts, ({ partition }) => this.logOf(partition))
    const results = new Map<number, AppendPartResult>()
    const append = async ([log, share]: [DirectoryLog, typeof parts]): Promise<void> => {
      const logParts = share.map(({ partition, batches }) => ({ log: partitionOf(log, partition), batches }))
      try {
        for (const result of await log.append(logParts, acks, facts)) results.set(result.partition, result)
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error
        for (const { partition } of share) {
          results.set(partition, { partition, baseOffset: -1, logAppendTime: -1, error })
        }
      }
    }
    await Promise.all([...shares].map(append))
    const inOrder = parts.flatMap(({ partition }) => results.get(partition) ?? [])
    const errors = inOrder.flatMap(({ error }) => error ?? [])
    if (errors.length === inOrder.length) throw errors.find(({ options }) => options.stored !== 'no') ?? errors[0]
    return { durability: 'fsync', parts: inOrder }
  }
}

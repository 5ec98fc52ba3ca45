import { createHash } from 'node:crypto'
import { BrokerError } from '../../src/broker/broker-error.ts'
import type { Clock } from '../../src/broker/clock.ts'
import type { AppendPartResult, AppendRequest, AppendResult } from '../../src/broker/append-request.ts'
import type { LogDirDescription } from '../../src/broker/log-dir-description.ts'
import type {
  ClusterDescription,
  Engine,
  OffsetAnswer,
  OffsetQuery,
  PartitionRead,
  ReadPosition,
  ReadRequest,
  ReadResult,
  Trouble,
} from '../../src/broker/engine.ts'
import type { EngineStatistics } from '../../src/broker/engine-statistics.ts'
import type { GroupMembership } from '../../src/broker/group-membership.ts'
import { silentLogger } from '../../src/broker/logger.ts'
import type { Producers } from '../../src/broker/publish-claim.ts'
import type {
  NewTopic,
  PartitionBounds,
  PartitionDescription,
  TopicStore,
  TopicSummary,
} from '../../src/broker/topic-store.ts'
import { assignOffsets, batchSizeBytes, lastOffset } from '../../src/codec/record-batch.ts'
import { EmbeddedGroupCoordinator } from '../../src/embedded/groups/embedded-group-coordinator.ts'
import { PlainProducers } from './plain-producers.ts'
import { MemoryPartition, described, firstAtOrAfter } from './memory-partition.ts'

interface MemoryTopic {
  summary: TopicSummary
  readonly partitions: MemoryPartition[]
}

/** The port `Engine` in memory, for tests of what stands on it. One log directory, nothing is durable. */
export class MemoryEngine implements Engine, TopicStore {
  readonly topics: TopicStore = this
  readonly groups: EmbeddedGroupCoordinator
  readonly membership: GroupMembership
  readonly producers: Producers
  readonly #topics = new Map<string, MemoryTopic>()
  readonly #clock: Clock
  #waiters = new Set<() => void>()
  #created = 0
  currentTroubles: Trouble[] = []
  /** How often `read` was called. */
  reads = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.producers = new PlainProducers(
      this,
      (topic) => this.find(topic),
      () => clock.now(),
    )
    const limits = {
      offsetsTopicPartitions: 3,
      offsetsTopicSegmentBytes: 1_048_576,
      offsetMetadataBytesMax: 4096,
      members: {
        sessionTimeoutMs: 45_000,
        heartbeatIntervalMs: 5000,
        maxSize: 10_000,
        assignors: ['uniform', 'range'],
      },
    }
    this.groups = new EmbeddedGroupCoordinator({ log: this, topics: this, clock, logger: silentLogger, limits })
    this.membership = this.groups.membership
    void this.groups.load()
  }

  /** Reads that wait for data. */
  get waiting(): number {
    return this.#waiters.size
  }

  memoryPartition(topic: string, partition: number): MemoryPartition {
    const found = this.#topics.get(topic)?.partitions[partition]
    if (found === undefined) throw unknown(topic, partition)
    return found
  }

  append({ topic, parts }: AppendRequest): Promise<AppendResult> {
    const results = parts.map(({ partition, batches }): AppendPartResult => {
      const log = this.memoryPartition(topic, partition)
      if (log.failure !== undefined) return { partition, baseOffset: -1, logAppendTime: -1, error: log.failure }
      const first = log.highWatermark
      for (const { bytes } of batches) {
        assignOffsets(bytes, 0, log.highWatermark, 0)
        log.batches.push(bytes)
        log.highWatermark = lastOffset(bytes, 0) + 1
      }
      return { partition, baseOffset: first, logAppendTime: -1 }
    })
    for (const wake of this.#waiters) wake()
    return Promise.resolve({ durability: 'fsync', parts: results })
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    this.reads += 1
    const first = this.#readNow(request)
    const done = first.partitions.some(({ batches, error }) => batches.length > 0 || error !== undefined)
    if (done || request.waitMs === 0 || request.signal?.aborted === true) return first
    await new Promise<void>((resolve) => {
      const end = (): void => {
        this.#waiters.delete(end)
        timer.cancel()
        resolve()
      }
      const timer = this.#clock.setTimer(request.waitMs, end)
      this.#waiters.add(end)
      request.signal?.addEventListener('abort', end, { once: true })
    })
    return this.#readNow(request)
  }

  #readNow({ positions, maxBytes }: ReadRequest): ReadResult {
    let left = maxBytes
    let given = 0
    const partitions = positions.map((position): PartitionRead => {
      const { topic, partition } = position
      const entry = this.#topics.get(topic)
      const log = entry?.partitions[partition]
      const error = this.#readError(position, entry, log)
      const { logStartOffset = -1, highWatermark = -1 } = log ?? {}
      const topicId = entry?.summary.topicId ?? ''
      const batches: Buffer[] = []
      if (error !== undefined) return { topic, topicId, partition, batches, highWatermark, logStartOffset, error }
      for (const batch of log?.batches ?? []) {
        if (lastOffset(batch, 0) < position.offset) continue
        if (given > 0 && left <= 0) break
        batches.push(batch)
        left -= batchSizeBytes(batch, 0)
        given += 1
      }
      return { topic, topicId, partition, batches, highWatermark, logStartOffset }
    })
    return { partitions }
  }

  #readError(position: ReadPosition, entry?: MemoryTopic, log?: MemoryPartition): BrokerError | undefined {
    if (entry === undefined || log === undefined) return unknown(position.topic, position.partition)
    if (position.topicId !== undefined && position.topicId !== entry.summary.topicId) {
      return new BrokerError('UNKNOWN_TOPIC_ID', `The topic "${position.topic}" was created again.`)
    }
    if (log.failure !== undefined) return log.failure
    if (position.offset >= log.logStartOffset && position.offset <= log.highWatermark) return undefined
    const status = position.offset < log.logStartOffset ? 410 : 416
    return new BrokerError('OFFSET_OUT_OF_RANGE', `Offset ${position.offset} is out of range.`, { status })
  }

  listOffsets(queries: readonly OffsetQuery[]): Promise<readonly OffsetAnswer[]> {
    return Promise.resolve(
      queries.map(({ topic, partition, at }) => {
        const log = this.memoryPartition(topic, partition)
        if (at === 'earliest') return { topic, partition, offset: log.logStartOffset, timestamp: -1 }
        if (at === 'latest') return { topic, partition, offset: log.highWatermark, timestamp: -1 }
        return { topic, partition, ...firstAtOrAfter(log, at) }
      }),
    )
  }

  async create({ name, partitionCount, configs, internal = false }: NewTopic): Promise<TopicSummary> {
    if (this.#topics.has(name)) throw new BrokerError('TOPIC_ALREADY_EXISTS', `There is a topic "${name}" already.`)
    this.#created += 1
    const topicId = createHash('md5').update(`${name} ${this.#created}`).digest('base64url')
    const summary = { name, topicId, partitionCount, internal, configs }
    this.#topics.set(name, { summary, partitions: Array.from({ length: partitionCount }, () => new MemoryPartition()) })
    void this.groups.topicChanged(name)
    return summary
  }

  list(): readonly TopicSummary[] {
    return [...this.#topics.values()].map(({ summary }) => summary).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  refresh(): Promise<void> {
    return Promise.resolve()
  }

  inheritedConfigs(): undefined {
    return undefined
  }

  find(name: string): TopicSummary | undefined {
    return this.#topics.get(name)?.summary
  }

  partitions(name: string): Promise<readonly PartitionDescription[]> {
    return Promise.resolve(this.#entry(name).partitions.map(described))
  }

  async alterConfigs(name: string, changes: ReadonlyMap<string, string | null>): Promise<void> {
    const entry = this.#entry(name)
    const configs = new Map(entry.summary.configs)
    for (const [config, value] of changes) {
      if (value === null) configs.delete(config)
      else configs.set(config, value)
    }
    entry.summary = { ...entry.summary, configs }
  }

  deleteRecords(topic: string, partition: number, before: number | 'latest'): Promise<PartitionBounds> {
    const log = this.memoryPartition(topic, partition)
    const offset = before === 'latest' ? log.highWatermark : before
    if (offset > log.highWatermark)
      throw new BrokerError('OFFSET_OUT_OF_RANGE', `The log ends at ${log.highWatermark}.`)
    log.logStartOffset = Math.max(log.logStartOffset, offset)
    return Promise.resolve({ logStartOffset: log.logStartOffset, highWatermark: log.highWatermark })
  }

  async addPartitions(name: string, total: number): Promise<void> {
    const entry = this.#entry(name)
    while (entry.partitions.length < total) entry.partitions.push(new MemoryPartition())
    entry.summary = { ...entry.summary, partitionCount: total }
    await this.groups.topicChanged(name)
  }

  async delete(name: string): Promise<void> {
    const { topicId } = this.#entry(name).summary
    this.#topics.delete(name)
    await this.groups.topicDeleted(name, topicId)
  }

  cluster(): Promise<ClusterDescription> {
    const nodes = [{ id: 1, host: '127.0.0.1', port: 8082 }]
    return Promise.resolve({ clusterId: 'memory-cluster', controllerId: 1, engine: 'embedded', nodes })
  }

  logDirs(): Promise<readonly LogDirDescription[]> {
    const sizes = { totalBytes: 1000, freeBytes: 500, partitionCount: 0, sizeBytes: 0 }
    return Promise.resolve([{ path: '/memory', state: 'online', ...sizes }])
  }

  troubles(): readonly Trouble[] {
    return this.currentTroubles
  }

  statistics(): EngineStatistics {
    return {
      directories: [],
      partitionCount: 0,
      topicCount: this.#topics.size,
      openFiles: 0,
      producerStateBytes: 0,
      fencedPartitions: 0,
      keeping: {
        removedSegments: 0,
        removedBytes: 0,
        cleanings: 0,
        cleanedBytesRead: 0,
        cleanedBytesKept: 0,
        uncleanablePartitions: 0,
      },
      shed: { 'produce-bytes': 0, 'fetch-waiting': 0 },
    }
  }

  async close(): Promise<void> {
    for (const wake of this.#waiters) wake()
  }

  #entry(name: string): MemoryTopic {
    const entry = this.#topics.get(name)
    if (entry === undefined) throw unknown(name)
    return entry
  }
}

function unknown(topic: string, partition?: number): BrokerError {
  const place = partition === undefined ? topic : `${topic}-${partition}`
  return new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `There is no ${place}.`)
}

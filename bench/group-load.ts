import { BrokerError } from '../src/broker/broker-error.ts'
import { systemClock } from '../src/broker/clock.ts'
import { silentLogger } from '../src/broker/logger.ts'
import type { TopicStore, TopicSummary } from '../src/broker/topic-store.ts'
import { assignOffsets } from '../src/codec/record-batch.ts'
import { checkBatch, batchSizeBytes } from '../src/codec/record-batch.ts'
import { EmbeddedGroupCoordinator } from '../src/embedded/groups/embedded-group-coordinator.ts'
import type { OffsetsLog } from '../src/embedded/groups/group-coordinator-options.ts'
import { groupPartition } from '../src/embedded/groups/group-partition.ts'
import { encodeOffsetWrites } from '../src/embedded/groups/offset-batches.ts'
import { OFFSETS_TOPIC } from '../src/embedded/groups/offsets-topic.ts'

/*
 * How long the coordinator takes to read back 1,000,000 committed offsets, how long it holds the event loop meanwhile,
 * and what it needs to remember them. The log is in memory, its batches are checked against their CRC as a log does.
 *
 *   node --expose-gc bench/group-load.ts
 */
const COMMITS = 1_000_000
const PARTITIONS = 50
const READ_BYTES = 1024 * 1024

interface Shape {
  readonly name: string
  readonly groups: number
  /** Offsets in one commit, that is in one batch. */
  readonly perCommit: number
}

const shapes: readonly Shape[] = [
  { name: '1,000 groups, commits of 100 partitions', groups: 1000, perCommit: 100 },
  { name: '10,000 groups, commits of 10 partitions', groups: 10_000, perCommit: 10 },
  { name: '10,000 groups, commits of 1 partition', groups: 10_000, perCommit: 1 },
  { name: '1,000,000 groups of 1 partition', groups: 1_000_000, perCommit: 1 },
]

/** Batches one behind the other, for each partition. */
function buildLog({ groups, perCommit }: Shape): Buffer[] {
  const chunks: Buffer[][] = Array.from({ length: PARTITIONS }, () => [])
  const ends = Array.from({ length: PARTITIONS }, () => 0)
  const perGroup = COMMITS / groups
  for (let group = 0; group < groups; group++) {
    const name = `billing-service-${group}`
    const partition = groupPartition(name, PARTITIONS)
    for (let from = 0; from < perGroup; from += perCommit) {
      const writes = Array.from({ length: Math.min(perCommit, perGroup - from) }, (_, i) => ({
        topic: `topic-${(from + i) % 20}`,
        partition: Math.floor((from + i) / 20),
        row: {
          topic: '',
          topicId: 'c2Vjb25kLXRvcGljLWlkMQ',
          partition: 0,
          nextOffset: from + i,
          metadata: '',
          commitTimestamp: 1_700_000_000_000,
        },
      }))
      for (const { bytes, recordCount } of encodeOffsetWrites(name, writes, 1_700_000_000_000)) {
        assignOffsets(bytes, 0, ends[partition] ?? 0, 0)
        ends[partition] = (ends[partition] ?? 0) + recordCount
        chunks[partition]?.push(Buffer.from(bytes))
      }
    }
  }
  return chunks.map((partition) => Buffer.concat(partition))
}

function memoryLog(partitions: readonly Buffer[]): OffsetsLog {
  const positions = new Map<number, number>()
  return {
    append: () => Promise.reject(new BrokerError('KAFKA_STORAGE_ERROR', 'This log is only read.')),
    async read({ positions: asked }) {
      const { topic = '', partition = 0 } = asked[0] ?? {}
      const log = partitions[partition] ?? Buffer.alloc(0)
      const from = positions.get(partition) ?? 0
      let to = from
      while (to < log.length && to - from < READ_BYTES) {
        if (checkBatch(log, to, log.length) !== 'valid') throw new Error('the log of the bench is damaged')
        to += batchSizeBytes(log, to)
      }
      positions.set(partition, to)
      await new Promise((resolve) => setImmediate(resolve))
      const read = { topic, topicId: '', partition, highWatermark: Number.MAX_SAFE_INTEGER, logStartOffset: 0 }
      return { partitions: [{ ...read, batches: to === from ? [] : [log.subarray(from, to)] }] }
    },
  }
}

function topics(): TopicStore {
  const summary: TopicSummary = {
    name: OFFSETS_TOPIC,
    topicId: 'AAAAAAAAAAAAAAAAAAAAAA',
    partitionCount: PARTITIONS,
    internal: true,
    configs: new Map(),
  }
  const refuse = (): Promise<never> => Promise.reject(new Error('nothing is changed here'))
  return {
    create: refuse,
    list: () => [summary],
    refresh: () => Promise.resolve(),
    inheritedConfigs: () => undefined,
    find: (name) => (name === OFFSETS_TOPIC ? summary : undefined),
    partitions: refuse,
    alterConfigs: refuse,
    addPartitions: refuse,
    deleteRecords: refuse,
    delete: refuse,
  }
}

async function usedBytes(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

async function measure(shape: Shape): Promise<void> {
  const log = memoryLog(buildLog(shape))
  const limits = {
    offsetsTopicPartitions: PARTITIONS,
    offsetsTopicSegmentBytes: 104_857_600,
    offsetMetadataBytesMax: 4096,
    members: { sessionTimeoutMs: 45_000, heartbeatIntervalMs: 5000, maxSize: 10_000, assignors: ['uniform', 'range'] },
  }
  const groups = new EmbeddedGroupCoordinator({
    log,
    topics: topics(),
    clock: systemClock,
    logger: silentLogger,
    limits,
  })
  const before = await usedBytes()
  let longestMs = 0
  let last = performance.now()
  let loading = true
  const watch = (): void => {
    const now = performance.now()
    longestMs = Math.max(longestMs, now - last)
    last = now
    if (loading) setImmediate(watch)
  }
  setImmediate(watch)
  const began = performance.now()
  await groups.load()
  const tookMs = performance.now() - began
  loading = false
  const mib = ((await usedBytes()) - before) / 1_048_576
  const [trouble] = groups.troubles()
  if (trouble !== undefined) throw new Error(trouble.detail)
  console.log(
    `${shape.name.padEnd(44)} ${tookMs.toFixed(0).padStart(6)} ms, event loop held ≤ ${longestMs.toFixed(0)} ms, ${mib.toFixed(0)} MiB`,
  )
}

for (const shape of shapes) await measure(shape)

/*
 * What removing many segments at once costs the main thread: how long it is busy in all, and in one go.
 *
 *   node bench/retention-segments.ts <empty directory> [segments=10000] [partitions=1]
 */
import { randomBytes } from 'node:crypto'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { systemClock } from '../src/broker/clock.ts'
import { silentLogger } from '../src/broker/logger.ts'
import { resolveTopicConfig } from '../src/broker/topic-config-definitions.ts'
import { LogIndexer } from '../src/embedded/index/log-indexer.ts'
import { SqliteSegmentIndex } from '../src/embedded/index/sqlite-segment-index.ts'
import { DirectoryLog } from '../src/embedded/log/directory-log.ts'
import { OpenFiles } from '../src/embedded/log/open-files.ts'
import { nodeFileSystem } from '../src/embedded/node-file-system.ts'
import { Retention } from '../src/embedded/retention/retention.ts'
import { batchOf } from '../test/support/engine-records.ts'

const [directory = '', count = '10000', partitionCount = '1'] = process.argv.slice(2)
const MIB = 1024 * 1024
const fileSystem = nodeFileSystem
const logger = silentLogger
const clock = systemClock
let retentionBytes = -1
const base = resolveTopicConfig(new Map(), new Map())
const config = () => ({ ...base, segmentBytes: 100, retentionBytes, retentionMs: -1 })
const placements = Array.from({ length: Number(partitionCount) }, (_, partition) => {
  return { topic: 'orders', topicId: 'Kx3pV0QzS0aHn1d2m3X4bA', partition, logStartOffset: 0, config }
})

const index = SqliteSegmentIndex.open({ path: `${directory}/index.db`, clock, logger })
const log = await DirectoryLog.open({
  fileSystem,
  clock,
  logger,
  path: directory,
  files: new OpenFiles({ fileSystem }),
  placements: [],
  limits: { journalFileBytes: 32 * MIB, directMinBytes: 256 * 1024, recoveryThreads: 2, lowWaterBytes: 0 },
  random: (sizeBytes) => randomBytes(sizeBytes),
  indexer: new LogIndexer({ index, intervalBytesOf: () => 4096, maxTimestampOf: () => undefined }),
})
const partitions = await log.createPartitions(placements)
const perPartition = Math.ceil(Number(count) / partitions.length)
for (const partition of partitions) {
  for (let sent = 0; sent < perPartition; sent += 500) {
    const batches = Array.from({ length: Math.min(500, perPartition - sent) }, (_, at) => batchOf([`${sent + at}`]))
    await log.append([{ log: partition, batches }], 'all')
  }
}
await log.checkpoint()
const countSegments = () => partitions.reduce((sum, partition) => sum + partition.segments.length, 0)
const segments = countSegments()

retentionBytes = 0
const deletionClock = { mayDeleteAfter: () => true }
const hosts = () => [{ log }]
const retention = new Retention({ checkIntervalMs: 1, hosts, fileSystem, clock, deletionClock, logger })
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
const before = performance.eventLoopUtilization()
const begun = performance.now()
await retention.check()
const wallMs = performance.now() - begun
const { active } = performance.eventLoopUtilization(before)
delay.disable()
const figures = {
  segments,
  left: countSegments(),
  wallMs: Math.round(wallMs),
  mainThreadMs: Math.round(active),
  longestStepMs: Math.round(delay.max / 1e5) / 10,
}
process.stdout.write(`${JSON.stringify(figures)}\n`)
await log.close()
await index.close()

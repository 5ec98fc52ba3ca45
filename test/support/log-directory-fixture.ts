import assert from 'node:assert/strict'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { silentLogger } from '../../src/broker/logger.ts'
import { resolveTopicConfig } from '../../src/broker/topic-config-definitions.ts'
import { batchSizeBytes, checkBatch, lastOffset } from '../../src/codec/record-batch.ts'
import type { FileSystem } from '../../src/embedded/file-system.ts'
import { DirectoryLog } from '../../src/embedded/log/directory-log.ts'
import type { DirectoryLogLimits, DirectoryLogOptions } from '../../src/embedded/log/directory-log-options.ts'
import { OpenFiles } from '../../src/embedded/log/open-files.ts'
import type { PartitionLog, PartitionPlacement } from '../../src/embedded/log/partition-log.ts'
import { FakeClock } from './fake-clock.ts'
import { MemoryFileSystem } from './memory-file-system.ts'
import { decodeBatch } from './record-spans.ts'

export const LOG_DIRECTORY = '/data'
export const TOPIC_ID = 'Kx3pV0QzS0aHn1d2m3X4bA'

/** Small enough that files change, segments roll and appends go direct within a few dozen requests. */
export const tinyLimits: DirectoryLogLimits = {
  journalFileBytes: 64 * 1024,
  directMinBytes: 6000,
  recoveryThreads: 2,
  tailCacheBytes: 16 * 1024,
  checkpointDirectBytes: 60_000,
  lowWaterBytes: 0,
}

/** A repeatable source of numbers, 0 ≤ x < 1 (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export async function newDisk(
  options: ConstructorParameters<typeof MemoryFileSystem>[0] = {},
): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem(options)
  await disk.mkdir(LOG_DIRECTORY)
  const lies = disk.syncLies
  disk.syncLies = false
  await disk.syncDirectory('/')
  disk.syncLies = lies
  return disk
}

export function placementOf(partition: number, overrides: Readonly<Record<string, string>> = {}): PartitionPlacement {
  const config = resolveTopicConfig(new Map(), new Map(Object.entries(overrides)))
  return { topic: 'orders', topicId: TOPIC_ID, partition, logStartOffset: 0, config: () => config }
}

export function openLog(
  fileSystem: FileSystem,
  placements: readonly PartitionPlacement[],
  options: Partial<DirectoryLogOptions> = {},
): Promise<DirectoryLog> {
  const random = seeded(7)
  return DirectoryLog.open({
    fileSystem,
    clock: new FakeClock(),
    logger: silentLogger,
    path: LOG_DIRECTORY,
    files: new OpenFiles({ fileSystem, limit: 64 }),
    placements,
    limits: tinyLimits,
    random: (sizeBytes) => Buffer.from(Array.from({ length: sizeBytes }, () => Math.floor(random() * 256))),
    ...options,
  })
}

export function partitionOf(log: DirectoryLog, partition: number): PartitionLog {
  const found = log.partition(TOPIC_ID, partition)
  assert.ok(found)
  return found
}

export interface StoredRecord {
  readonly offset: number
  readonly value: string
}

/** Every record below the high watermark: from the segments' files, and from memory where they are not there yet. */
export async function recordsIn(fileSystem: FileSystem, log: PartitionLog): Promise<StoredRecord[]> {
  const records: StoredRecord[] = []
  let next = log.logStartOffset
  const take = (bytes: Buffer, at: number): void => {
    for (const { offset, value } of decodeBatch(bytes.subarray(at, at + batchSizeBytes(bytes, at)))) {
      if (offset >= next && offset < log.highWatermark) records.push({ offset, value: String(value) })
    }
    next = Math.max(next, lastOffset(bytes, at) + 1)
  }
  for (const segment of log.segments) {
    const file = await fileSystem.open(segment.path, { readOnly: true })
    const bytes = await file.read(0, segment.fileBytes)
    await file.close()
    assert.equal(bytes.length, segment.fileBytes, `${segment.path} is shorter than its segment says`)
    for (let at = 0; at < bytes.length; at += batchSizeBytes(bytes, at)) {
      assert.equal(checkBatch(bytes, at, bytes.length), 'valid', `${segment.path} at byte ${at}`)
      take(bytes, at)
    }
    for (const batch of log.tail) {
      if (batch.segmentBaseOffset === segment.baseOffset && batch.baseOffset >= next) take(batch.bytes, 0)
    }
  }
  return records
}

/** For `assert.rejects`: a broker's error that says what became of the records. */
export function storedIs(stored: string): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof BrokerError, String(error))
    assert.equal(error.options.stored, stored, error.message)
    return true
  }
}

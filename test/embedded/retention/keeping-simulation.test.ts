import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import { silentLogger } from '../../../src/broker/logger.ts'
import type { TopicConfig } from '../../../src/broker/topic-config.ts'
import { batchSizeBytes } from '../../../src/codec/record-batch.ts'
import type { DirectoryLog } from '../../../src/embedded/log/directory-log.ts'
import { OpenFiles } from '../../../src/embedded/log/open-files.ts'
import { PartitionReader } from '../../../src/embedded/log/partition-reader.ts'
import { Retention } from '../../../src/embedded/retention/retention.ts'
import { batchOf } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import {
  newDisk,
  openLog,
  partitionOf,
  placementOf,
  recordsIn,
  seeded,
  type StoredRecord,
} from '../../support/log-directory-fixture.ts'
import { MemorySegmentIndex } from '../../support/memory-segment-index.ts'
import type { MemoryFileSystem } from '../../support/memory-file-system.ts'
import { decodeBatch } from '../../support/record-spans.ts'
import { cleanedOf } from '../../support/segment-change-log.ts'

const SEEDS = Number(process.env['KEEPING_SEEDS'] ?? 60)
const CYCLES = 6
const STEPS = 40

type Kept = Pick<TopicConfig, 'cleanupPolicy' | 'retentionMs' | 'retentionBytes'>

interface Published {
  readonly value: string
  readonly timestamp: number
}

/** One partition over several lives of a process, and all that was promised about it. */
class Keeping {
  readonly #random: () => number
  readonly #published = new Map<number, Published>()
  #config: Kept = { cleanupPolicy: ['delete'], retentionMs: -1, retentionBytes: -1 }
  #disk: MemoryFileSystem
  #clock = new FakeClock()
  #sent = 0
  #logStart = 0
  /** Where the reader goes on; it has seen nothing at or behind it. */
  #next = 0
  #checking = false
  #compacting = false
  #crashed = false
  removed = 0
  compacted = 0

  constructor(disk: MemoryFileSystem, random: () => number) {
    this.#disk = disk
    this.#random = random
  }

  #placements() {
    const placement = placementOf(0, { 'file.delete.delay.ms': '1000' })
    return [{ ...placement, config: () => ({ ...placement.config(), segmentBytes: 600, ...this.#config }) }]
  }

  async create(): Promise<void> {
    const log = await openLog(this.#disk, [])
    await log.createPartitions(this.#placements())
    await log.close()
  }

  /** From a start to a crash. */
  async live(): Promise<void> {
    const disk = this.#disk
    this.#clock = new FakeClock(this.#clock.now())
    const files = new OpenFiles({ fileSystem: disk, limit: 8 })
    const log = await openLog(disk, this.#placements(), { clock: this.#clock, files })
    assert.equal(log.state, 'online', log.reason)
    await this.#verify(log)
    const reader = new PartitionReader({ files, index: new MemorySegmentIndex() })
    this.#crashed = false
    const survivor = this.#crashSometime(disk)
    const work: Promise<unknown>[] = []
    for (let step = 0; step < STEPS; step++) {
      work.push(this.#step(log, reader))
      for (let turns = Math.floor(this.#random() * 8); turns > 0; turns--) await turn()
    }
    await Promise.all(work)
    this.#disk = survivor() ?? this.#crash(disk)
  }

  #crashSometime(disk: MemoryFileSystem): () => MemoryFileSystem | undefined {
    const at = Math.floor(this.#random() * 600)
    let calls = 0
    let survivor: MemoryFileSystem | undefined
    disk.slowness = () => {
      if (++calls === at) survivor = this.#crash(disk)
      return 1
    }
    return () => survivor
  }

  #crash(disk: MemoryFileSystem): MemoryFileSystem {
    const chance = this.#random()
    this.#crashed = true
    if (chance < 0.3) return disk.kill()
    return disk.crash(chance < 0.5 ? 'none' : chance < 0.6 ? 'all' : 'random', this.#random)
  }

  async #step(log: DirectoryLog, reader: PartitionReader): Promise<void> {
    const chance = this.#random()
    if (chance < 0.5) await this.#publish(log)
    else if (chance < 0.62) await this.#retain(log)
    else if (chance < 0.72) await this.#compact(log)
    else if (chance < 0.8) await this.#read(log, reader)
    else if (chance < 0.86) await log.rollActive(partitionOf(log, 0)).catch(isStorageError)
    else if (chance < 0.9) await log.checkpoint().catch(isStorageError)
    else if (chance < 0.95) this.#clock.advance(Math.floor(this.#random() * 500))
    else this.#configure()
  }

  #configure(): void {
    if (this.#checking) return
    const chance = this.#random()
    const [retentionMs, retentionBytes] = [Math.floor(this.#random() * 800), Math.floor(this.#random() * 4000)]
    this.#config =
      chance < 0.3
        ? { cleanupPolicy: ['compact'], retentionMs: -1, retentionBytes: -1 }
        : chance < 0.6
          ? { cleanupPolicy: ['delete'], retentionMs, retentionBytes: -1 }
          : { cleanupPolicy: ['delete'], retentionMs: -1, retentionBytes }
  }

  async #publish(log: DirectoryLog): Promise<void> {
    const value = `${Math.floor(this.#random() * 5)}/${this.#sent++}/${'x'.repeat(Math.floor(this.#random() * 150))}`
    const timestamp = this.#clock.now()
    try {
      const [part] = await log.append([{ log: partitionOf(log, 0), batches: [batchOf([value], timestamp)] }], 'all')
      assert.ok(part && !this.#published.has(part.baseOffset), 'an offset was given out twice')
      this.#published.set(part.baseOffset, { value, timestamp })
    } catch (error) {
      isStorageError(error)
    }
  }

  async #retain(log: DirectoryLog): Promise<void> {
    if (this.#checking) return
    this.#checking = true
    const partition = partitionOf(log, 0)
    const { retentionMs, retentionBytes } = this.#config
    const startMs = this.#clock.now()
    const from = partition.logStartOffset
    const retention = new Retention({
      checkIntervalMs: 1,
      hosts: () => [{ log }],
      fileSystem: this.#disk,
      clock: this.#clock,
      deletionClock: { mayDeleteAfter: () => true },
      logger: silentLogger,
    })
    await retention.check()
    this.#checking = false
    if (partition.logStartOffset === from) return
    this.removed++
    // Appends add to it, and compaction is not at work where sizes count; crashed ones are judged at the next start.
    if (retentionBytes >= 0) assert.ok(partition.sizeBytes >= retentionBytes, `${partition.sizeBytes} bytes are left`)
    else {
      for (const [offset, { timestamp }] of this.#published) {
        if (offset < from || offset >= partition.logStartOffset) continue
        assert.ok(this.#clock.now() - timestamp > retentionMs, `${offset} was too young at ${startMs}`)
      }
    }
  }

  /** Keeps the last record of each key, of the segments that are not active. */
  async #compact(log: DirectoryLog): Promise<void> {
    if (this.#compacting || !this.#config.cleanupPolicy.includes('compact')) return
    const partition = partitionOf(log, 0)
    const segments = partition.segments.slice(0, -1)
    const [first] = segments
    if (!first || segments.some(({ fileBytes, sizeBytes }) => fileBytes < sizeBytes)) return
    this.#compacting = true
    const last = new Map<string, number>()
    const end = partition.activeSegment.baseOffset
    try {
      for (const { offset, value } of await recordsIn(this.#disk, partition))
        if (offset < end) last.set(keyOf(value), offset)
      const keeps = [...last.values()]
      const change = await cleanedOf(this.#disk, partition, segments, (from, to) =>
        keeps.some((offset) => from <= offset && offset <= to),
      )
      if (await log.applyChange(partition, change)) this.compacted++
    } catch (error) {
      // Its files may be gone meanwhile, or the disk.
      if (!(error instanceof Error && 'code' in error)) throw error
    } finally {
      this.#compacting = false
    }
  }

  /** A consumer: never sees a record twice, never goes back, and sees only what was published. */
  async #read(log: DirectoryLog, reader: PartitionReader): Promise<void> {
    const partition = partitionOf(log, 0)
    const from = Math.max(this.#next, partition.logStartOffset)
    try {
      const page = await reader.read(partition, from, 400)
      if (this.#next > from) return
      for (const { offset, value } of page.batches.flatMap(recordsOf)) {
        if (offset < from) continue
        assert.ok(offset >= this.#next)
        const known = this.#published.get(offset)
        assert.ok(!known || known.value === value, `offset ${offset} reads as another record`)
        this.#next = offset + 1
      }
      this.#next = Math.max(this.#next, page.nextOffset)
    } catch (error) {
      assert.ok(error instanceof BrokerError, String(error))
      assert.ok(['OFFSET_OUT_OF_RANGE', 'KAFKA_STORAGE_ERROR'].includes(error.code), error.message)
      if (error.code === 'OFFSET_OUT_OF_RANGE') assert.ok(from < partition.logStartOffset)
      else assert.ok(this.#crashed, error.message)
    }
  }

  /** At a start: what is kept is there, and what went went lawfully. */
  async #verify(log: DirectoryLog): Promise<void> {
    const partition = partitionOf(log, 0)
    assert.deepEqual(partition.fenced, [])
    assert.ok(partition.logStartOffset >= this.#logStart, 'the log start went back')
    assert.ok(partition.highWatermark >= this.#next, 'what a reader saw is gone')
    this.#logStart = partition.logStartOffset
    const records = new Map((await recordsIn(this.#disk, partition)).map(({ offset, value }) => [offset, value]))
    const newest = new Map<string, number>()
    for (const [offset, value] of records) newest.set(keyOf(value), offset)
    for (const [offset, { value }] of this.#published) {
      assert.ok(offset < partition.highWatermark, `offset ${offset} is gone`)
      if (offset < partition.logStartOffset) continue
      const found = records.get(offset)
      if (found === undefined)
        assert.ok((newest.get(keyOf(value)) ?? -1) > offset, `the last of its key, ${offset}, is gone`)
      else assert.equal(found, value)
    }
    // What was under way at the crash is there for good from now on.
    for (const [offset, value] of records) {
      if (!this.#published.has(offset)) this.#published.set(offset, { value, timestamp: -Infinity })
    }
  }
}

function keyOf(value: string): string {
  return value.slice(0, 1)
}

function recordsOf(batches: Buffer): StoredRecord[] {
  const records: StoredRecord[] = []
  for (let at = 0; at < batches.length; at += batchSizeBytes(batches, at)) {
    for (const { offset, value } of decodeBatch(batches.subarray(at, at + batchSizeBytes(batches, at)))) {
      records.push({ offset, value: String(value) })
    }
  }
  return records
}

function isStorageError(error: unknown): void {
  assert.ok(error instanceof BrokerError || (error instanceof Error && 'code' in error), String(error))
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

test('retention, compaction, appends, reads and crashes, in any order, keep what is to be kept', async () => {
  let removed = 0
  let compacted = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const keeping = new Keeping(await newDisk(), seeded(seed))
    await keeping.create()
    try {
      for (let cycle = 0; cycle < CYCLES; cycle++) await keeping.live()
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
    removed += keeping.removed
    compacted += keeping.compacted
  }
  assert.ok(removed > SEEDS && compacted > SEEDS / 2, `${removed} removals, ${compacted} compactions`)
})

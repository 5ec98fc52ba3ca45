import assert from 'node:assert/strict'
import type { Clock, Timer } from '../../broker/clock.ts'
import { ConcurrencyLimit } from '../../broker/concurrency-limit.ts'
import type { SpaceGuard } from '../commit/space-guard.ts'
import type { SegmentIndexer } from './directory-log-options.ts'
import type { DirectoryCondition } from './directory-condition.ts'
import type { OpenFiles } from './open-files.ts'
import type { PartitionLog } from './partition-log.ts'
import type { TailBatch } from './partition-view.ts'
import type { Segment } from './segment.ts'
import { isDiskFull } from './storage-failure.ts'
import { UnsyncedSegments } from './unsynced-segments.ts'

/** How long committed batches wait in memory for others to be written with. */
const LINGER_MS = 50
const EAGER_BYTES = 1024 * 1024
const RUN_MAX_BYTES = 4 * 1024 * 1024
const FULL_RETRY_MS = 1000
/** Small batches are copied together: cheaper than a piece each in the system call. */
const GATHER_BELOW_BYTES = 4096
/** Writes and syncs at the same time: few, so that reads find free threads. */
const CONCURRENCY = 3
/** Bytes in files that are not synced, beyond which one file is synced: a checkpoint then meets few. */
const WRITE_BACK_BYTES = 1024 * 1024

export interface SegmentWriterOptions {
  readonly files: OpenFiles
  readonly clock: Clock
  readonly condition: DirectoryCondition
  readonly space: SpaceGuard
  readonly indexer: SegmentIndexer | undefined
  /** Batches went to their files: memory may be given up, and whoever waits for that goes on. */
  readonly onLaid: () => void
}

/**
 * Writes committed batches to their segments some time after they are durable in the journal. Order within a partition
 * is kept; a partition has one write under way at most.
 */
export class SegmentWriter {
  readonly #options: SegmentWriterOptions
  readonly #limit = new ConcurrencyLimit(CONCURRENCY)
  /** Partitions with committed batches that are not in their files. */
  readonly #pending = new Set<PartitionLog>()
  readonly #writing = new Map<PartitionLog, Promise<void>>()
  readonly #unsynced = new UnsyncedSegments()
  #writeBack: Promise<void> = Promise.resolve()
  #writingBack = false
  #pendingBytes = 0
  #timer: Timer | undefined
  #sweeping = false
  #stuck = false
  #closed = false

  constructor(options: SegmentWriterOptions) {
    this.#options = options
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** A lazy write met a full disk and has not got through yet. */
  get stuck(): boolean {
    return this.#stuck
  }

  /** The partition has so many more bytes that are not in their files. */
  committed(log: PartitionLog, bytes: number): void {
    this.#pending.add(log)
    this.#pendingBytes += bytes
  }

  /** Sees to it that what is pending is written soon; called after each round. */
  schedule(): void {
    if (this.#sweeping || this.#closed || this.#pendingBytes === 0) return
    if (this.#pendingBytes >= EAGER_BYTES && !this.#stuck) void this.#sweep()
    else this.#timer ??= this.#options.clock.setTimer(this.#stuck ? FULL_RETRY_MS : LINGER_MS, () => void this.#sweep())
  }

  async #sweep(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#sweeping || this.#closed || this.#options.condition.state !== 'online') return
    this.#sweeping = true
    try {
      await this.flush()
    } catch {
      // Told through the directory's condition, or stuck and tried again.
    } finally {
      this.#sweeping = false
      this.schedule()
    }
  }

  /** Resolves when all that is committed now is in the files (not synced); rejects if that cannot be. */
  async flush(): Promise<void> {
    await Promise.all([...this.#pending].map((log) => this.flushPartition(log)))
  }

  async flushPartition(log: PartitionLog): Promise<void> {
    const target = log.highWatermark
    for (;;) {
      const [first] = log.pendingRun(1)
      if (!first || first.baseOffset >= target) return
      await this.#writeNext(log)
    }
  }

  /** Joins the write under way for the partition, or starts one. */
  #writeNext(log: PartitionLog): Promise<void> {
    const underWay = this.#writing.get(log)
    if (underWay) return underWay
    const write = this.#limit.run(() => this.#write(log)).finally(() => this.#writing.delete(log))
    this.#writing.set(log, write)
    return write
  }

  async #write(log: PartitionLog): Promise<void> {
    const { condition } = this.#options
    if (condition.state !== 'online') throw condition.error('unknown')
    const run = log.pendingRun(RUN_MAX_BYTES)
    const [first] = run
    if (!first) return
    const segment = log.segmentAt(first.segmentBaseOffset)
    try {
      await this.#writeOrMakeSpace(segment.path, gather(run), first.position)
    } catch (error) {
      if (log.dropped) return
      throw error
    }
    this.#unsynced.add(segment, log, lengthOf(run))
    if (!log.dropped) this.#laid(log, segment, run)
    this.#writeBackSoon()
  }

  /** Syncs file after file, the one with most to sync first, while much is not synced. */
  #writeBackSoon(): void {
    if (this.#writingBack || this.#unsynced.bytes < WRITE_BACK_BYTES) return
    this.#writingBack = true
    this.#writeBack = this.#writeLargestBack()
    // A failure shows in the directory's condition, and in the checkpoint that waits for this.
    this.#writeBack.catch(() => {})
  }

  async #writeLargestBack(): Promise<void> {
    try {
      while (this.#unsynced.bytes >= WRITE_BACK_BYTES) {
        const next = this.#unsynced.takeLargest()
        if (next) await this.sync(next.segment.path, next.log)
      }
    } finally {
      this.#writingBack = false
    }
  }

  #laid(log: PartitionLog, segment: Segment, run: readonly TailBatch[]): void {
    log.laid(run)
    const bytes = lengthOf(run)
    this.#pendingBytes -= bytes
    this.#options.space.wrote(bytes)
    if (log.pendingBytes === 0) this.#pending.delete(log)
    this.index(log, segment, run)
    this.#options.onLaid()
  }

  /** Batches of the run are in the segment's file. */
  index(log: PartitionLog, segment: Segment, run: readonly TailBatch[]): void {
    const { indexer } = this.#options
    if (!indexer) return
    const { topicId, partition } = log
    const { baseOffset: segmentBaseOffset, generation } = segment
    indexer.batchesLaid({ topicId, partition, segmentBaseOffset, generation }, run)
  }

  async #writeOrMakeSpace(path: string, buffers: readonly Uint8Array[], position: number): Promise<void> {
    try {
      await this.write(path, buffers, position)
      if (this.#stuck) this.#unstick()
    } catch (error) {
      if (!isDiskFull(error)) throw error
      if (await this.#options.space.release()) {
        await this.#writeOrMakeSpace(path, buffers, position)
        return
      }
      this.#stuck = true
      this.#options.condition.setFull(`${path} could not be written: the disk is full`)
      throw error
    }
  }

  #unstick(): void {
    this.#stuck = false
    this.#options.condition.setFull(undefined)
  }

  /** Writes to a segment's file. Every failure but a full disk is the directory's. */
  async write(path: string, buffers: readonly Uint8Array[], position: number): Promise<void> {
    let opened = false
    try {
      await this.#options.files.use(path, async (file) => {
        opened = true
        await file.write(buffers, position)
      })
    } catch (error) {
      if (isDiskFull(error)) throw error
      if (opened) this.#options.condition.poison(`writing ${path} failed`, error)
      else this.#options.condition.takeOffline(`opening ${path} failed`, error)
      throw error
    }
  }

  /** Makes durable what was written to segments before this call. A failure poisons the directory. */
  async syncTouched(): Promise<void> {
    const touched = this.#unsynced.takeAll()
    await this.#writeBack
    await this.#limit.forEach(touched, ({ segment, log }) => this.sync(segment.path, log))
  }

  async sync(path: string, log: PartitionLog): Promise<void> {
    try {
      await this.#options.files.use(path, (file) => file.datasync())
    } catch (error) {
      if (log.dropped) return
      this.#options.condition.poison(`syncing ${path} failed`, error)
      throw error
    }
  }

  /** The topic is deleted: resolves when nothing of it is being written any more. */
  async forget(log: PartitionLog, pendingBytes: number): Promise<void> {
    assert.ok(log.dropped)
    this.#pendingBytes -= pendingBytes
    this.#pending.delete(log)
    await this.#writing.get(log)?.catch(() => {})
    for (const segment of log.segments) this.#unsynced.delete(segment)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    await Promise.allSettled([...this.#writing.values(), this.#writeBack])
  }
}

function lengthOf(run: readonly TailBatch[]): number {
  let bytes = 0
  for (const batch of run) bytes += batch.bytes.length
  return bytes
}

function gather(run: readonly TailBatch[]): readonly Uint8Array[] {
  const buffers = run.map((batch) => batch.bytes)
  const bytes = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
  return bytes / buffers.length < GATHER_BELOW_BYTES ? [Buffer.concat(buffers, bytes)] : buffers
}

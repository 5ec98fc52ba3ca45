import type { Clock, Timer } from '../../broker/clock.ts'
import type { KeepingStatistics } from '../../broker/engine-statistics.ts'
import type { Logger } from '../../broker/logger.ts'
import type { DeletionClock } from '../cleaning/deletion-clock.ts'
import { ConcurrencyLimit } from '../../broker/concurrency-limit.ts'
import type { DirectoryHost } from '../directory-host.ts'
import type { FileSystem } from '../file-system.ts'
import type { DirectoryLog } from '../log/directory-log.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { Segment } from '../log/segment.ts'
import { isMissing } from '../log/storage-failure.ts'
import { retentionVerdict, type RetentionVerdict } from './retention-policy.ts'

export interface RetentionOptions {
  /** `log.retention.check.interval.ms` */
  readonly checkIntervalMs: number
  readonly hosts: () => Iterable<Pick<DirectoryHost, 'log'>>
  readonly fileSystem: FileSystem
  readonly clock: Clock
  readonly deletionClock: Pick<DeletionClock, 'mayDeleteAfter'>
  /** True while nothing at all may be removed. */
  readonly isPaused?: () => boolean
  readonly logger: Logger
}

/** What retention did to a partition last, since the start. */
export interface Removal {
  /** Unix milliseconds. */
  readonly removedMs: number
  readonly segments: number
  readonly bytes: number
  /** The log start since. */
  readonly logStartOffset: number
  /** Of the segments, how many went by which rule. */
  readonly by: Pick<RetentionVerdict, 'byLogStart' | 'bySize' | 'byTime'>
}

export interface RetentionReport {
  readonly lastRemoval: Removal | undefined
  /** A timestamp yet to come, which keeps the oldest segment and all behind it; Unix milliseconds. */
  readonly pinnedByTimestamp: number | undefined
}

/** As Kafka: a start has other things to do. */
const FIRST_CHECK_MS = 30_000
/** Of the main thread, before others get their turn. */
const STEP_MS = 4
/** Partitions whose segments go at the same time, by the same few checkpoints. */
const CONCURRENCY = 64

/** Removes the oldest segments of logs that keep more than their topics' configs say, from time to time. */
export class Retention {
  readonly #options: RetentionOptions
  readonly #removals = new WeakMap<PartitionLog, Removal>()
  readonly #pinned = new WeakMap<PartitionLog, { readonly baseOffset: number; readonly timestamp: number }>()
  #removedSegments = 0
  #removedBytes = 0
  #timer: Timer | undefined
  #pass: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  start(): void {
    this.#schedule(Math.min(FIRST_CHECK_MS, this.#options.checkIntervalMs))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#pass
  }

  /** Since the start. */
  get totals(): Pick<KeepingStatistics, 'removedSegments' | 'removedBytes'> {
    return { removedSegments: this.#removedSegments, removedBytes: this.#removedBytes }
  }

  report(log: PartitionLog): RetentionReport {
    return { lastRemoval: this.#removals.get(log), pinnedByTimestamp: this.#pinned.get(log)?.timestamp }
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#options.clock.setTimer(delayMs, () => {
      this.#pass = this.check().finally(() => {
        if (!this.#stopped) this.#schedule(this.#options.checkIntervalMs)
      })
    })
  }

  /** Looks at every partition once. Never rejects: what fails is told, and tried again with the next check. */
  async check(): Promise<void> {
    if (this.#options.isPaused?.()) return
    for (const { log: directory } of this.#options.hosts()) {
      if (directory.state !== 'online') continue
      const due = await this.#due(directory)
      await new ConcurrencyLimit(CONCURRENCY).forEach(due, (log) => this.#removeFrom(directory, log))
    }
  }

  async #due(directory: DirectoryLog): Promise<PartitionLog[]> {
    const { clock } = this.#options
    const due: PartitionLog[] = []
    let stepMs = clock.monotonic()
    for (const log of directory.partitions()) {
      if (this.#stopped || !isServed(log)) continue
      if (await this.#isDue(log)) due.push(log)
      if (clock.monotonic() - stepMs < STEP_MS) continue
      await new Promise((resolve) => setImmediate(resolve))
      stepMs = clock.monotonic()
    }
    return due
  }

  async #isDue(log: PartitionLog): Promise<boolean> {
    try {
      const verdict = this.#verdict(log, await this.#fileTimes(log))
      this.#notePinned(log, verdict)
      return countOf(verdict) > 0
    } catch (error) {
      this.#warn(log, error)
      return false
    }
  }

  async #removeFrom(directory: DirectoryLog, log: PartitionLog): Promise<void> {
    if (this.#stopped || !isServed(log)) return
    try {
      const times = await this.#fileTimes(log)
      const takesAll = countOf(this.#verdict(log, times)) === log.segments.length
      if (takesAll && !(await directory.rollActive(log))) return
      // Records may have come before the roll: what they are in is judged anew.
      const verdict = this.#verdict(log, times)
      const removed = log.segments.slice(0, Math.min(countOf(verdict), log.segments.length - 1))
      if (removed.length === 0 || !(await directory.applyChange(log, { removed, added: [] }))) return
      this.#noteRemoval(log, removed, verdict)
    } catch (error) {
      this.#warn(log, error)
    }
  }

  #warn(log: PartitionLog, error: unknown): void {
    if (!isServed(log) || this.#stopped) return
    const { topic, partition } = log
    this.#options.logger.warn({ err: error, topic, partition }, 'old segments could not be removed')
  }

  /** When files were last written that hold no record with a timestamp; nearly all hold some. */
  async #fileTimes(log: PartitionLog): Promise<ReadonlyMap<Segment, number>> {
    const times = new Map<Segment, number>()
    const { cleanupPolicy, retentionMs } = log.config()
    if (!cleanupPolicy.includes('delete') || retentionMs < 0) return times
    for (const segment of log.segments) {
      if (segment.maxTimestamp >= 0) continue
      // Compaction hands the file's time on. Of an empty one it hardly matters.
      times.set(segment, segment.sizeBytes === 0 ? segment.createdMs : await this.#modifiedMs(segment))
    }
    return times
  }

  async #modifiedMs(segment: Segment): Promise<number> {
    try {
      return (await this.#options.fileSystem.stat(segment.path)).modifiedMs
    } catch (error) {
      if (!isMissing(error)) throw error
      // It is being renamed, or replaced: the next check knows.
      return Infinity
    }
  }

  #verdict(log: PartitionLog, times: ReadonlyMap<Segment, number>): RetentionVerdict {
    const { clock, deletionClock } = this.#options
    const config = log.config()
    const { logStartOffset, highWatermark, logEndOffset } = log
    const segments = log.segments.map((segment) => ({
      baseOffset: segment.baseOffset,
      sizeBytes: segment.sizeBytes,
      largestTimestamp: segment.maxTimestamp >= 0 ? segment.maxTimestamp : (times.get(segment) ?? Infinity),
    }))
    const nowMs = deletionClock.mayDeleteAfter(config.retentionMs) ? clock.now() : undefined
    return retentionVerdict({ segments, logStartOffset, highWatermark, logEndOffset }, config, nowMs)
  }

  #notePinned(log: PartitionLog, { pinned }: RetentionVerdict): void {
    const known = this.#pinned.get(log)
    if (!pinned) this.#pinned.delete(log)
    else if (known?.baseOffset !== pinned.baseOffset || known.timestamp !== pinned.largestTimestamp) {
      const { topic, partition } = log
      this.#pinned.set(log, { baseOffset: pinned.baseOffset, timestamp: pinned.largestTimestamp })
      const facts = { topic, partition, segment: pinned.baseOffset, timestamp: pinned.largestTimestamp }
      this.#options.logger.warn(facts, 'a timestamp yet to come keeps old segments from being removed')
    }
  }

  #noteRemoval(log: PartitionLog, removed: readonly Segment[], verdict: RetentionVerdict): void {
    const { topic, partition, logStartOffset } = log
    const bytes = removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    this.#removedSegments += removed.length
    this.#removedBytes += bytes
    const { byLogStart, bySize, byTime } = verdict
    const by = { byLogStart, bySize, byTime }
    const facts = { segments: removed.length, bytes, logStartOffset, by }
    this.#removals.set(log, { removedMs: this.#options.clock.now(), ...facts })
    this.#options.logger.info({ topic, partition, ...facts }, 'old segments were removed')
  }
}

function countOf({ byLogStart, bySize, byTime }: RetentionVerdict): number {
  return byLogStart + bySize + byTime
}

function isServed(log: PartitionLog): boolean {
  return log.offlineReason === undefined && !log.refusesAppends
}

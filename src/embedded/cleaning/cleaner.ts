import type { Timer } from '../../broker/clock.ts'
import type { Trouble } from '../../broker/engine.ts'
import type { Logger } from '../../broker/logger.ts'
import type { DirectoryHost } from '../directory-host.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { type CleaningRunner, machineDrivers, type StorageDrivers } from '../storage-drivers.ts'
import { CleaningLedger, type CleaningReport } from './cleaning-ledger.ts'
import { dirtiest, isDue } from './cleaning-policy.ts'
import { type CleaningContext, CleaningRound, dirtinessOf } from './cleaning-round.ts'
import type { CleaningSettings } from './cleaning-settings.ts'
import type { CleaningThreadSettings, RoundEnd } from './cleaning-thread.ts'

export interface CleanerOptions extends CleaningContext {
  readonly settings: CleaningSettings
  readonly hosts: () => Iterable<Pick<DirectoryHost, 'log'>>
  /** Absent: this machine's. */
  readonly drivers?: StorageDrivers
  /** True while nothing at all may be removed. */
  readonly isPaused?: () => boolean
  readonly logger: Logger
  readonly random: (sizeBytes: number) => Uint8Array
}

const SECRET_BYTES = 16
const IO_BUFFER_BYTES_MIN = 64 * 1024
/** How soon a round ends whose topic is not compacted any more. */
const RECHECK_MS = 1000

/** A thread and what it is at. */
interface Lane {
  readonly thread: CleaningRunner
  round: CleaningRound | undefined
  /** Of the round under way, or the last. */
  roundEnded: Promise<unknown>
  ended: Promise<void>
  timer: Timer | undefined
}

/**
 * Compacts the logs of topics whose `cleanup.policy` says so: the dirtiest first, each thread one at a time, for as long
 * as one is due; then again after a while. The work is done by threads of their own (`CleaningRunner`).
 */
export class Cleaner {
  readonly #options: CleanerOptions
  readonly #lanes: Lane[]
  readonly #ledger: CleaningLedger
  #stopped = false

  constructor(options: CleanerOptions) {
    this.#options = options
    this.#ledger = new CleaningLedger(options.clock, options.logger)
    const settings = threadSettings(options)
    const { drivers = machineDrivers } = options
    const count = options.settings.enabled ? options.settings.threads : 0
    this.#lanes = Array.from({ length: count }, () => {
      const [roundEnded, ended] = [Promise.resolve(), Promise.resolve()]
      return { thread: drivers.startCleaning(settings), round: undefined, roundEnded, ended, timer: undefined }
    })
  }

  start(): void {
    for (const lane of this.#lanes) this.#rest(lane, this.#options.settings.backoffMs)
  }

  /** Rounds under way end without effect; resolves when the threads have ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const { thread, timer } of this.#lanes) {
      timer?.cancel()
      thread.stop()
    }
    for (const { thread, ended } of this.#lanes) {
      await ended
      await thread.close()
    }
  }

  /** Their directories are to be renamed: resolves when no thread works in them any more. */
  async leave(logs: ReadonlySet<PartitionLog>): Promise<void> {
    const busy = this.#lanes.filter(({ round }) => round && logs.has(round.log))
    for (const { thread } of busy) thread.stop()
    await Promise.all(busy.map(({ roundEnded }) => roundEnded))
    for (const log of logs) this.#ledger.forget(log)
  }

  /** How a compacted partition stands. */
  report(log: PartitionLog): CleaningReport {
    const { firstDirtyOffset, dirtyRatio } = dirtinessOf(log, this.#ledger, this.#options.clock.now())
    return { firstDirtyOffset, dirtyRatio, ...this.#ledger.entry(log) }
  }

  get totals(): CleaningLedger['totals'] {
    return this.#ledger.totals
  }

  troubles(): readonly Trouble[] {
    return this.#ledger.troubles()
  }

  #rest(lane: Lane, durationMs: number): void {
    if (this.#stopped) return
    lane.timer = this.#options.clock.setTimer(durationMs, () => {
      lane.ended = this.#work(lane)
    })
  }

  /** Rounds, one behind the other, until none is due or the thread has died. */
  async #work(lane: Lane): Promise<void> {
    let restMs = this.#options.settings.backoffMs
    while (!this.#stopped) {
      const round = this.#nextRound()
      if (!round) break
      const ending = this.#clean(lane, round)
      lane.roundEnded = ending
      const end = await ending
      const pauseMs = this.#ledger.ended(round.log, end)
      if (pauseMs > 0) {
        restMs = pauseMs
        break
      }
    }
    this.#rest(lane, restMs)
  }

  async #clean(lane: Lane, round: CleaningRound): Promise<RoundEnd> {
    const { clock } = this.#options
    lane.round = round
    const recheck = (): void => {
      if (!round.isWanted) lane.thread.stop()
      lane.timer = clock.setTimer(RECHECK_MS, recheck)
    }
    lane.timer = clock.setTimer(RECHECK_MS, recheck)
    try {
      const job = await round.job(this.#options)
      // The thread's own mark to stop is cleared when a round begins.
      if (this.#stopped || !round.isWanted) return { outcome: 'abandoned' }
      return await lane.thread.clean(job, (group) => round.putInForce(group))
    } catch (error) {
      const { topic, partition } = round.log
      this.#options.logger.warn({ err: error, topic, partition }, 'its compaction could not begin')
      return { outcome: 'abandoned' }
    } finally {
      lane.timer.cancel()
      lane.round = undefined
    }
  }

  #nextRound(): CleaningRound | undefined {
    if (this.#options.isPaused?.()) return undefined
    const now = this.#options.clock.now()
    const busy = new Set(this.#lanes.map(({ round }) => round?.log))
    const due: CleaningRound[] = []
    for (const { log: directory } of this.#options.hosts()) {
      if (directory.state !== 'online') continue
      for (const log of directory.partitions()) {
        if (busy.has(log) || log.staged || !this.#mayClean(log)) continue
        const dirtiness = dirtinessOf(log, this.#ledger, now)
        if (isDue(dirtiness, log.config())) due.push(new CleaningRound(directory, log, dirtiness))
      }
    }
    return dirtiest(due)
  }

  #mayClean(log: PartitionLog): boolean {
    // Most logs have one segment, and the active one is never cleaned.
    return log.segments.length > 1 && CleaningRound.concerns(log) && !this.#ledger.waits(log)
  }
}

function threadSettings({ settings, random }: CleanerOptions): CleaningThreadSettings {
  const { threads, dedupeBufferBytes, loadFactor, ioBufferBytes, ioBytesPerSecondMax } = settings
  return {
    secret: random(SECRET_BYTES),
    dedupeBytes: Math.floor(dedupeBufferBytes / threads),
    loadFactor,
    ioBufferBytes: Math.max(IO_BUFFER_BYTES_MIN, Math.floor(ioBufferBytes / threads / 2)),
    ioBytesPerSecondMax: ioBytesPerSecondMax / threads,
  }
}

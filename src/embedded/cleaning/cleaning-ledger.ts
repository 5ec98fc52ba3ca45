import type { Clock } from '../../broker/clock.ts'
import type { KeepingStatistics } from '../../broker/engine-statistics.ts'
import type { Trouble } from '../../broker/engine.ts'
import type { Logger } from '../../broker/logger.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { CleaningFigures } from './cleaning-messages.ts'
import type { RoundEnd } from './cleaning-thread.ts'

/** A disk that is full, and what came between, are given time to pass. */
const RETRY_MS = 60_000
const THREAD_RESTART_MIN_MS = 1000
const THREAD_RESTART_MAX_MS = 60_000
/** A log over which the thread died so often in a row is left alone. */
const DEATHS_MAX = 3

export interface CleaningReport {
  readonly firstDirtyOffset: number
  readonly dirtyRatio: number
  /** The last round since the start that came to its end; Unix milliseconds. */
  readonly cleanedMs?: number
  readonly figures?: CleaningFigures
  /** Why it is not cleaned any more, or not now. */
  readonly trouble?: string
}

/** Why a partition was not compacted, and when it is tried again. */
interface Failure {
  readonly kind: NonNullable<Entry['kind']>
  readonly reason: string
  readonly retryMs: number
}

/** What has come of the rounds over one log. */
interface Entry {
  cleanedMs?: number
  figures?: CleaningFigures
  trouble?: string
  kind?: 'partition-uncleanable' | 'cleaning-disk-full' | 'cleaner-died'
  /** Wall clock does not matter here: monotonic milliseconds. */
  retryAtMs?: number
  damagedFrom?: number
  deaths: number
}

/** Remembers, until the next start, which logs were compacted and which cannot be. */
export class CleaningLedger {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #entries = new Map<PartitionLog, Entry>()
  #cleanings = 0
  #bytesRead = 0
  #bytesKept = 0
  #threadRestartMs = THREAD_RESTART_MIN_MS

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  /** A round has ended. Returns how long its thread is to rest, in milliseconds; 0 = it may go on at once. */
  ended(log: PartitionLog, end: RoundEnd): number {
    if (log.dropped) return 0
    const entry = this.#entries.get(log) ?? { deaths: 0 }
    this.#entries.set(log, entry)
    if (end.outcome !== 'died') {
      this.#threadRestartMs = THREAD_RESTART_MIN_MS
      entry.deaths = 0
    }
    switch (end.outcome) {
      case 'cleaned':
        return this.#cleaned(log, entry, end.figures)
      case 'abandoned':
        entry.retryAtMs = this.#clock.monotonic() + RETRY_MS
        return 0
      case 'disk-full':
        return this.#tell(log, entry, {
          kind: 'cleaning-disk-full',
          reason: `the disk is too full: ${end.reason}`,
          retryMs: RETRY_MS,
        })
      case 'damaged':
        entry.damagedFrom = end.segmentBaseOffset
        return this.#tell(log, entry, { kind: 'partition-uncleanable', reason: end.reason, retryMs: 0 })
      case 'failed':
        return this.#tell(log, entry, {
          kind: 'partition-uncleanable',
          reason: end.reason,
          retryMs: end.passes ? RETRY_MS : Infinity,
        })
      case 'died':
        return this.#died(log, entry, end.reason)
      default:
        return end satisfies never
    }
  }

  #cleaned(log: PartitionLog, entry: Entry, figures: CleaningFigures): number {
    const { topic, partition } = log
    entry.cleanedMs = this.#clock.now()
    entry.figures = figures
    this.#cleanings++
    this.#bytesRead += figures.bytesBefore
    this.#bytesKept += figures.bytesAfter
    delete entry.retryAtMs
    if (entry.damagedFrom === undefined) {
      delete entry.trouble
      delete entry.kind
    }
    this.#logger.info({ topic, partition, ...figures }, 'a partition was compacted')
    return 0
  }

  #died(log: PartitionLog, entry: Entry, reason: string): number {
    const restMs = this.#threadRestartMs
    this.#threadRestartMs = Math.min(restMs * 2, THREAD_RESTART_MAX_MS)
    entry.deaths++
    const detail = `the cleaning thread died: ${reason}`
    if (entry.deaths < DEATHS_MAX) this.#tell(log, entry, { kind: 'cleaner-died', reason: detail, retryMs: restMs })
    else
      this.#tell(log, entry, {
        kind: 'partition-uncleanable',
        reason: `${detail} (${entry.deaths} times)`,
        retryMs: Infinity,
      })
    return restMs
  }

  #tell(log: PartitionLog, entry: Entry, { kind, reason, retryMs }: Failure): number {
    const { topic, partition, directory } = log
    const isNew = entry.kind !== kind || entry.trouble !== reason
    entry.kind = kind
    entry.trouble = reason
    entry.retryAtMs = this.#clock.monotonic() + retryMs
    if (isNew) this.#logger.warn({ topic, partition, directory, reason }, 'a partition could not be compacted')
    return 0
  }

  /** True while it is not to be tried again. */
  waits(log: PartitionLog): boolean {
    const { retryAtMs } = this.#entries.get(log) ?? {}
    return retryAtMs !== undefined && this.#clock.monotonic() < retryAtMs
  }

  /** The segment from which on a round met damage; Infinity = none did. */
  damagedFrom(log: PartitionLog): number {
    return this.#entries.get(log)?.damagedFrom ?? Infinity
  }

  entry(log: PartitionLog): Pick<CleaningReport, 'cleanedMs' | 'figures' | 'trouble'> {
    const { cleanedMs, figures, trouble } = this.#entries.get(log) ?? {}
    return {
      ...(cleanedMs !== undefined && { cleanedMs }),
      ...(figures && { figures }),
      ...(trouble !== undefined && { trouble }),
    }
  }

  forget(log: PartitionLog): void {
    this.#entries.delete(log)
  }

  /** Since the start. */
  get totals(): Omit<KeepingStatistics, 'removedSegments' | 'removedBytes'> {
    return {
      cleanings: this.#cleanings,
      cleanedBytesRead: this.#bytesRead,
      cleanedBytesKept: this.#bytesKept,
      uncleanablePartitions: this.troubles().length,
    }
  }

  troubles(): readonly Trouble[] {
    const troubles: Trouble[] = []
    for (const [{ topic, partition, dropped }, { kind, trouble }] of this.#entries) {
      if (dropped || kind === undefined) continue
      const detail = `partition ${partition} of ${topic} is not compacted: ${trouble}; nothing of it is lost`
      troubles.push({ kind, detail, notReady: false })
    }
    return troubles
  }
}

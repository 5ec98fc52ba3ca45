import type { Clock, Timer } from '../broker/clock.ts'
import type { Trouble } from '../broker/engine.ts'
import type { Logger } from '../broker/logger.ts'
import { DeletionClock, type ClockPause } from './cleaning/deletion-clock.ts'
import { shortestRetentionMs } from './cleaning/shortest-retention.ts'
import { readClockFile, writeClockFile } from './directory/clock-file.ts'
import type { LogDirectory } from './directory/log-directory.ts'
import type { EmbeddedEngineOptions } from './embedded-engine-options.ts'
import type { FileSystem } from './file-system.ts'
import { errorMessage } from './startup-error.ts'
import type { TopicTable } from './topic-table.ts'

const INTERVAL_MS = 60_000
const HOUR_MS = 3_600_000

export interface ClockWatchOptions {
  readonly directories: readonly LogDirectory[]
  readonly fileSystem: FileSystem
  readonly clock: Clock
  readonly logger: Logger
  /** `clock.jump.max.ms` */
  readonly jumpMaxMs: number
  /** `clock.jump.accept` */
  readonly jumpAccepted: boolean
  readonly shortestRetentionMs: () => number
}

/** Of the engine's log directories; of what its topics keep, the shortest time counts. */
export function watchClock(
  options: EmbeddedEngineOptions,
  directories: readonly LogDirectory[],
  table: TopicTable,
): Promise<ClockWatch> {
  const { maxMs, accepted } = options.clockJumps
  return ClockWatch.open({
    ...options,
    directories,
    jumpMaxMs: maxMs,
    jumpAccepted: accepted,
    shortestRetentionMs: () => shortestRetentionMs(table.sorted().map((topic) => topic.config())),
  })
}

/** Keeps the `clock` files of the log directories, and tells when the wall clock is doubted. */
export class ClockWatch {
  /** Asked by all that deletes by time. */
  readonly deletionClock: DeletionClock
  readonly #options: ClockWatchOptions
  #timer: Timer | undefined
  #writing: Promise<void> = Promise.resolve()
  #stopped = false
  #toldPause = false

  private constructor(options: ClockWatchOptions, deletionClock: DeletionClock) {
    this.#options = options
    this.deletionClock = deletionClock
  }

  /** Of several directories the highest time counts: one may have been away for long. */
  static async open(options: ClockWatchOptions): Promise<ClockWatch> {
    const { directories, fileSystem, logger } = options
    let highestSeenMs: number | undefined
    for (const directory of directories) {
      if (!directory.online) continue
      const seen = await readClockFile(fileSystem, directory.path).catch((error: unknown) => {
        logger.warn({ logDir: directory.path }, `the highest time seen is not known: ${errorMessage(error)}`)
        return undefined
      })
      if (seen !== undefined) highestSeenMs = Math.max(seen, highestSeenMs ?? 0)
    }
    const watch = new ClockWatch(options, new DeletionClock({ ...options, highestSeenMs }))
    if (options.jumpAccepted) logger.warn({}, 'clock.jump.accept is set: the time at this start is taken for right')
    watch.#look()
    return watch
  }

  troubles(): readonly Trouble[] {
    const { pause, highestSeenMs } = this.deletionClock
    if (pause === undefined) return []
    return [{ kind: 'clock-jump', detail: detailOf(pause, highestSeenMs), notReady: false }]
  }

  /** Writes the time once more; resolves when nothing is written any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#writing
    await this.#write()
  }

  #look(): void {
    this.deletionClock.observe()
    this.#tell()
    this.#writing = this.#write()
    this.#timer = this.#options.clock.setTimer(INTERVAL_MS, () => this.#look())
  }

  #tell(): void {
    const paused = this.deletionClock.pause
    if ((paused !== undefined) === this.#toldPause) return
    this.#toldPause = paused !== undefined
    const { logger } = this.#options
    if (paused) logger.error({ jumpMs: paused.jumpMs }, detailOf(paused, this.deletionClock.highestSeenMs))
    else logger.info({}, 'the clock is believed again: what is too old is deleted')
  }

  async #write(): Promise<void> {
    const { directories, fileSystem, logger } = this.#options
    const { highestSeenMs } = this.deletionClock
    for (const directory of directories) {
      if (!directory.online) continue
      await writeClockFile(fileSystem, directory.path, highestSeenMs).catch((error: unknown) => {
        if (!this.#stopped) logger.warn({ logDir: directory.path }, `the clock file: ${errorMessage(error)}`)
      })
    }
  }
}

function detailOf({ jumpMs, isSettled }: ClockPause, highestSeenMs: number): string {
  const hours = Math.round(Math.abs(jumpMs) / HOUR_MS)
  const jump = `the clock is about ${hours} h ${jumpMs < 0 ? 'behind' : 'ahead of'} the time last believed`
  const kept = isSettled ? `what is kept for less than ${hours} h is not deleted` : 'nothing is deleted by its age'
  return (
    `${jump} (${new Date(highestSeenMs).toISOString()}), so ${kept}. If its time is right, restart the server once with ` +
    'clock.jump.accept=true; else set the clock right.'
  )
}

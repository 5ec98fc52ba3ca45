import type { Clock, Timer } from '../../broker/clock.ts'
import type { Trouble } from '../../broker/engine.ts'
import type { ScrubDescription } from '../../broker/log-dir-description.ts'
import type { Logger } from '../../broker/logger.ts'
import type { LogDirectory } from '../directory/log-directory.ts'
import type { ScrubSettings } from '../embedded-engine-options.ts'
import type { DirectoryLog } from '../log/directory-log.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { PartitionReader } from '../log/partition-reader.ts'
import type { Segment } from '../log/segment.ts'
import type { ScrubEnd, ScrubJob } from './scrub-messages.ts'
import { ScrubProgress } from './scrub-progress.ts'
import { type ScrubRunner, ScrubThread } from './scrub-thread.ts'

/** An online log directory, as far as it is read again. */
export interface ScrubbedHost {
  readonly directory: Pick<LogDirectory, 'online'>
  readonly log: Pick<DirectoryLog, 'state' | 'partitions'>
  readonly reader: Pick<PartitionReader, 'noteDamage'>
}

export interface ScrubberOptions {
  readonly settings: ScrubSettings
  readonly hosts: () => Iterable<ScrubbedHost>
  readonly clock: Clock
  readonly logger: Logger
  readonly random: (sizeBytes: number) => Uint8Array
  /** Absent: a thread of its own. */
  readonly runner?: ScrubRunner
}

/** A start has other things to do. */
const FIRST_PASS_MS = 60_000
/** How soon a pass goes on after the thread has died, or while the process can open no more files. */
const RETRY_MS = 60_000
/** How soon a file is looked for again that is not where its segment says: it may just be renamed. */
const LOOK_AGAIN_MS = 5000
/** A segment at which the thread dies so many times is passed over. */
const DEATHS_MAX = 3

interface Turn {
  readonly host: ScrubbedHost
  readonly log: PartitionLog
  readonly baseOffset: number
  /** In the file when the pass began. */
  readonly fileBytes: number
}

/** What became of a turn: `whole` where the segment is done with, else how soon it is tried again. */
type Passed = 'whole' | 'skipped' | { readonly againInMs: number }

/**
 * Reads segments again, one behind the other, all of them in a pass, to find what the disk has changed before a reader
 * does. It changes nothing: what it finds is told as if a read had met it. The reading is done by a thread of its own.
 * A file that cannot be read is a finding like others; where the thread itself fails, the pass goes on where it was.
 */
export class Scrubber {
  readonly #options: ScrubberOptions
  readonly #runner: ScrubRunner
  readonly #progress = new Map<ScrubbedHost['log'], ScrubProgress>()
  #timer: Timer | undefined
  #endPause: (() => void) | undefined
  #pass: Promise<void> = Promise.resolve()
  #present: Turn | undefined
  #isReading = false
  #stopped = false

  constructor(options: ScrubberOptions) {
    this.#options = options
    this.#runner = options.runner ?? new ScrubThread(options.settings.bytesPerSecond)
  }

  start(): void {
    const { bytesPerSecond, intervalMs } = this.#options.settings
    if (bytesPerSecond > 0) this.#schedule(Math.min(FIRST_PASS_MS, intervalMs))
  }

  /** Resolves when the thread has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    this.#endPause?.()
    this.#runner.stop()
    await this.#pass
    await this.#runner.close()
  }

  /** How far it is in a log directory. */
  report({ log }: Pick<ScrubbedHost, 'log'>): ScrubDescription {
    const progress = this.#progress.get(log) ?? new ScrubProgress()
    const isOff = this.#options.settings.bytesPerSecond === 0
    const readingBytes = this.#present?.host.log === log ? this.#runner.readBytes : 0
    return progress.describe(isOff ? 'off' : this.#isReading ? 'reading' : 'waiting', readingBytes)
  }

  troubles(): Trouble[] {
    return [...this.#progress.values()].flatMap((progress) => [...progress.troubles()])
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return
    this.#timer = this.#options.clock.setTimer(delayMs, () => {
      this.#pass = this.#passAndSchedule()
    })
  }

  async #passAndSchedule(): Promise<void> {
    const { clock, settings } = this.#options
    const startedMs = clock.monotonic()
    await this.pass()
    this.#schedule(Math.max(0, settings.intervalMs - (clock.monotonic() - startedMs)))
  }

  /** Reads everything once; returns early once it is stopped. Never rejects. */
  async pass(): Promise<void> {
    this.#isReading = true
    let isWhole = true
    try {
      for (const turn of this.#turns()) {
        if (this.#stopped) return
        isWhole = (await this.#readToEnd(turn)) && isWhole
      }
      if (isWhole && !this.#stopped) this.#endPass()
    } finally {
      this.#isReading = false
      this.#present = undefined
    }
    if (!this.#stopped) await this.#runner.close()
  }

  #endPass(): void {
    for (const progress of this.#progress.values()) progress.endPass(this.#options.clock.now())
  }

  /** Of all segments there are now. From a random place on: passes that restarts cut short come to every segment all the same. */
  #turns(): Turn[] {
    const turns: Turn[] = []
    for (const host of this.#options.hosts()) {
      if (!host.directory.online || host.log.state === 'offline') continue
      const progress = this.#progressOf(host)
      progress.beginPass()
      for (const log of host.log.partitions()) {
        for (const { baseOffset, fileBytes } of log.segments) {
          if (fileBytes === 0) continue
          turns.push({ host, log, baseOffset, fileBytes })
          progress.expect(fileBytes)
        }
      }
    }
    const first = Math.floor((Buffer.from(this.#options.random(4)).readUInt32BE(0) / 2 ** 32) * turns.length)
    return [...turns.slice(first), ...turns.slice(0, first)]
  }

  #progressOf({ log }: Pick<ScrubbedHost, 'log'>): ScrubProgress {
    const known = this.#progress.get(log)
    if (known) return known
    const progress = new ScrubProgress()
    this.#progress.set(log, progress)
    return progress
  }

  /** However often it takes; false where the segment had to be passed over. */
  async #readToEnd(turn: Turn): Promise<boolean> {
    const ends: ScrubEnd['outcome'][] = []
    while (!this.#stopped) {
      const passed = await this.#read(turn, ends)
      if (typeof passed === 'object') await this.#pause(passed.againInMs)
      else {
        this.#progressOf(turn.host).passed(turn.fileBytes)
        return passed === 'whole'
      }
    }
    return false
  }

  #pause(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(durationMs, resolve)
      this.#endPause = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  /**
   * A segment that is no part of the log any more, or was replaced meanwhile, is nobody's loss.
   *
   * @param ends of the turn's tries so far
   */
  async #read(turn: Turn, ends: ScrubEnd['outcome'][]): Promise<Passed> {
    const segment = segmentOf(turn)
    const job = segment && jobOf(turn.log, segment)
    if (!job) return 'whole'
    this.#present = turn
    const end = await this.#runner.scrub(job)
    this.#present = undefined
    this.#progressOf(turn.host).read(this.#runner.readBytes)
    ends.push(end.outcome)
    const times = ends.filter((each) => each === end.outcome).length
    if (end.outcome === 'failed' || end.outcome === 'busy') return this.#after(turn, end, times)
    // A file that was replaced while it was opened holds other batches than the job says.
    if (end.outcome === 'stopped' || segmentOf(turn) !== segment || segment.path !== job.path) return 'whole'
    if (end.outcome === 'read') this.#take(turn, end.damage)
    else if (end.outcome === 'gone' && times === 1) return { againInMs: LOOK_AGAIN_MS }
    else this.#tellUnreadable(turn, segment, end.outcome === 'gone' ? 'the file is missing' : end.reason)
    return 'whole'
  }

  #after({ log, baseOffset }: Turn, end: Extract<ScrubEnd, { outcome: 'failed' | 'busy' }>, times: number): Passed {
    const isPassedOver = end.outcome === 'failed' && times >= DEATHS_MAX
    const { topic, partition } = log
    const next = isPassedOver ? 'it is passed over until the next pass' : 'it is tried again'
    if (times === 1 || isPassedOver) {
      this.#options.logger.warn(
        { topic, partition, segment: baseOffset },
        `a segment could not be read again, ${next}: ${end.reason}`,
      )
    }
    return isPassedOver ? 'skipped' : { againInMs: RETRY_MS }
  }

  #take({ host, log, baseOffset }: Turn, damage: Extract<ScrubEnd, { outcome: 'read' }>['damage']): void {
    const standing = damage.filter(({ to }) => to > log.logStartOffset)
    this.#progressOf(host).foundDamage(log, baseOffset, standing)
    for (const { from, to } of standing) host.reader.noteDamage(log, { from, to })
  }

  /** Once, and again only if it fails for another reason. */
  #tellUnreadable({ host, log }: Turn, segment: Segment, reason: string): void {
    if (!this.#progressOf(host).foundUnreadable(log, segment, endOf(log, segment), reason)) return
    const { topic, partition } = log
    this.#options.logger.error(
      { topic, partition, file: segment.path, reason },
      'a segment cannot be read: its records are not served until it can be',
    )
  }
}

function segmentOf({ log, baseOffset }: Turn): Segment | undefined {
  if (log.dropped || log.offlineReason !== undefined) return undefined
  return log.segments.find((segment) => segment.baseOffset === baseOffset)
}

/** The first offset behind a segment. */
function endOf(log: PartitionLog, segment: Segment): number {
  const next = log.segments[log.segments.indexOf(segment) + 1]
  return next?.baseOffset ?? Math.max(log.highWatermark, log.logEndOffset)
}

/** As far as the segment is in its file now; what comes behind is read with the next pass. */
function jobOf(log: PartitionLog, segment: Segment): ScrubJob | undefined {
  const { baseOffset, generation, path, fileBytes, sizeBytes } = segment
  const endOffset = endOf(log, segment)
  if (endOffset <= log.logStartOffset || fileBytes === 0) return undefined
  const fenced = log.fenced.map((range) => ({ ...range }))
  const isWhole = fileBytes === sizeBytes && segment !== log.segments.at(-1)
  return {
    kind: 'scrub',
    path,
    baseOffset,
    generation,
    sizeBytes: fileBytes,
    endOffset,
    fenced,
    // The last offset of what is in the file is not known.
    ...(!isWhole && { knownBytes: fileBytes }),
  }
}

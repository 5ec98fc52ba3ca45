import type { Clock, Timer } from '../../broker/clock.ts'
import type { ScrubDescription } from '../../broker/log-dir-description.ts'
import type { Logger } from '../../broker/logger.ts'
import type { DirectoryHost } from '../directory-host.ts'
import type { ScrubSettings } from '../embedded-engine-options.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { Segment } from '../log/segment.ts'
import type { ScrubEnd, ScrubJob } from './scrub-messages.ts'
import { ScrubThread } from './scrub-thread.ts'

export type ScrubbedHost = Pick<DirectoryHost, 'directory' | 'log' | 'reader'>

export interface ScrubberOptions {
  readonly settings: ScrubSettings
  readonly hosts: () => Iterable<ScrubbedHost>
  readonly clock: Clock
  readonly logger: Logger
  readonly random: (sizeBytes: number) => Uint8Array
}

/** A start has other things to do. */
const FIRST_PASS_MS = 60_000
/** How soon it is tried again after the thread has died. */
const FAILED_PAUSE_MS = 60_000

interface Turn {
  readonly host: ScrubbedHost
  readonly log: PartitionLog
  readonly baseOffset: number
  /** In the file when the pass began. */
  readonly fileBytes: number
}

interface Progress {
  scrubbedBytes: number
  passBytes: number
  passTotalBytes: number
  lastPassMs: number | undefined
  readonly findings: Map<string, { readonly log: PartitionLog; readonly to: number }>
}

/**
 * Reads segments again, one behind the other, all of them in a pass, to find what the disk has changed before a reader
 * does. It changes nothing: what it finds is told as if a read had met it. The reading is done by a thread of its own.
 */
export class Scrubber {
  readonly #options: ScrubberOptions
  readonly #thread: ScrubThread
  readonly #progress = new Map<ScrubbedHost['log'], Progress>()
  #timer: Timer | undefined
  #pass: Promise<void> = Promise.resolve()
  #present: Turn | undefined
  #isReading = false
  #stopped = false

  constructor(options: ScrubberOptions) {
    this.#options = options
    this.#thread = new ScrubThread(options.settings.bytesPerSecond)
  }

  start(): void {
    const { bytesPerSecond, intervalMs } = this.#options.settings
    if (bytesPerSecond > 0) this.#schedule(Math.min(FIRST_PASS_MS, intervalMs))
  }

  /** Resolves when the thread has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    this.#thread.stop()
    await this.#pass
    await this.#thread.close()
  }

  /** How far it is in a log directory. */
  report({ log }: Pick<ScrubbedHost, 'log'>): ScrubDescription {
    const progress = this.#progress.get(log)
    const reading = this.#present?.host.log === log ? this.#thread.readBytes : 0
    const { passBytes = 0, passTotalBytes = 0, scrubbedBytes = 0 } = progress ?? {}
    const isOff = this.#options.settings.bytesPerSecond === 0
    return {
      state: isOff ? 'off' : this.#isReading ? 'reading' : 'waiting',
      scrubbedBytes: scrubbedBytes + reading,
      passBytes: Math.min(passBytes + reading, passTotalBytes),
      passTotalBytes,
      lastFullPassAt: progress?.lastPassMs ?? -1,
      findings: progress ? standing(progress) : 0,
    }
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
    const isWhole = await this.pass()
    const tookMs = clock.monotonic() - startedMs
    this.#schedule(isWhole ? Math.max(0, settings.intervalMs - tookMs) : FAILED_PAUSE_MS)
  }

  /** Reads everything once; false if it could not be read to its end. Never rejects. */
  async pass(): Promise<boolean> {
    this.#isReading = true
    let isWhole = true
    try {
      for (const turn of this.#turns()) {
        if (this.#stopped) return false
        isWhole = (await this.#read(turn)) && isWhole
      }
      if (isWhole) for (const progress of this.#progress.values()) progress.lastPassMs = this.#options.clock.now()
    } finally {
      this.#isReading = false
      this.#present = undefined
    }
    if (!this.#stopped) await this.#thread.close()
    return isWhole
  }

  /** Of all segments there are now. From a random place on: passes that restarts cut short come to every segment all the same. */
  #turns(): Turn[] {
    const turns: Turn[] = []
    for (const host of this.#options.hosts()) {
      if (!host.directory.online || host.log.state === 'offline') continue
      const progress = this.#progressOf(host)
      progress.passBytes = 0
      progress.passTotalBytes = 0
      for (const log of host.log.partitions()) {
        for (const { baseOffset, fileBytes } of log.segments) {
          if (fileBytes === 0) continue
          turns.push({ host, log, baseOffset, fileBytes })
          progress.passTotalBytes += fileBytes
        }
      }
    }
    const first = Math.floor((Buffer.from(this.#options.random(4)).readUInt32BE(0) / 2 ** 32) * turns.length)
    return [...turns.slice(first), ...turns.slice(0, first)]
  }

  #progressOf({ log }: ScrubbedHost): Progress {
    const known = this.#progress.get(log)
    if (known) return known
    const progress = {
      scrubbedBytes: 0,
      passBytes: 0,
      passTotalBytes: 0,
      lastPassMs: undefined,
      findings: new Map<string, { readonly log: PartitionLog; readonly to: number }>(),
    }
    this.#progress.set(log, progress)
    return progress
  }

  /** False where the thread failed. A segment that is gone, or was replaced meanwhile, is nobody's loss. */
  async #read(turn: Turn): Promise<boolean> {
    const segment = segmentOf(turn)
    const job = segment && jobOf(turn.log, segment)
    const progress = this.#progressOf(turn.host)
    if (!job) {
      progress.passBytes += turn.fileBytes
      return true
    }
    this.#present = turn
    const end = await this.#thread.scrub(job)
    this.#present = undefined
    progress.scrubbedBytes += this.#thread.readBytes
    progress.passBytes += turn.fileBytes
    // A file that was replaced while it was opened holds other batches than the job says.
    if (end.outcome === 'read' && segmentOf(turn) === segment && segment.path === job.path) this.#take(turn, end)
    if (end.outcome !== 'failed') return true
    const { topic, partition } = turn.log
    this.#options.logger.warn(
      { topic, partition, segment: job.baseOffset },
      `a segment was not read again: ${end.reason}`,
    )
    return false
  }

  #take({ host, log, baseOffset }: Turn, { damage }: Extract<ScrubEnd, { outcome: 'read' }>): void {
    const { findings } = this.#progressOf(host)
    // What the segment's batches were found to be before is known anew.
    for (const [name, finding] of findings)
      if (finding.log === log && name.startsWith(`${baseOffset}/`)) findings.delete(name)
    for (const { from, to } of damage) {
      if (to <= log.logStartOffset) continue
      findings.set(`${baseOffset}/${log.topicId}/${log.partition}/${from}`, { log, to })
      host.reader.noteDamage(log, { from, to })
    }
  }
}

/** Damage whose records are still of the log. */
function standing({ findings }: Progress): number {
  let count = 0
  for (const { log, to } of findings.values()) if (!log.dropped && to > log.logStartOffset) count++
  return count
}

function segmentOf({ log, baseOffset }: Turn): Segment | undefined {
  if (log.dropped || log.offlineReason !== undefined) return undefined
  return log.segments.find((segment) => segment.baseOffset === baseOffset)
}

/** As far as the segment is in its file now; what comes behind is read with the next pass. */
function jobOf(log: PartitionLog, segment: Segment): ScrubJob | undefined {
  const { baseOffset, generation, path, fileBytes, sizeBytes } = segment
  const next = log.segments[log.segments.indexOf(segment) + 1]
  const endOffset = next?.baseOffset ?? Math.max(log.highWatermark, log.logEndOffset)
  if (endOffset <= log.logStartOffset || fileBytes === 0) return undefined
  const fenced = log.fenced.map((range) => ({ ...range }))
  const isWhole = fileBytes === sizeBytes && next !== undefined
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

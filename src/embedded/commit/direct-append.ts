import { crc32c } from '../../codec/crc32c.ts'
import type { FileSystem } from '../file-system.ts'
import type { DirectoryCondition } from '../log/directory-condition.ts'
import type { OpenFiles } from '../log/open-files.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { SegmentWriter } from '../log/segment-writer.ts'
import { descriptorShortage, isDiskFull, isOutOfDescriptors } from '../log/storage-failure.ts'
import type { RoundEntry } from './batches-section.ts'
import { ConcurrencyLimit } from '../../broker/concurrency-limit.ts'
import type { QueuedAppend } from './queued-append.ts'
import { createRoundSegments } from './round-segments.ts'
import { entryOf, formRound, type Round, type RoundOptions, type RoundRun } from './round.ts'
import type { SpaceGuard } from './space-guard.ts'

export interface DirectAppendsOptions {
  readonly fileSystem: FileSystem
  readonly files: OpenFiles
  readonly condition: DirectoryCondition
  readonly space: SpaceGuard
  readonly writer: SegmentWriter
  /** A group is ready for its frame, or has failed and its partitions are free again. */
  readonly onSettled: () => void
}

/** Files written and synced at the same time. */
const CONCURRENCY = 3

/**
 * Large requests, written to their segments and synced there before a frame names them. One group at a time: what
 * arrives meanwhile makes the next one. Its partitions take no other appends until it is committed or has failed, so
 * its places are decided at the start and nothing in memory changes before the commit.
 */
export class DirectAppends {
  readonly #options: DirectAppendsOptions
  readonly #limit = new ConcurrencyLimit(CONCURRENCY)
  #group: Round | undefined
  #ready: RoundEntry[] | undefined

  constructor(options: DirectAppendsOptions) {
    this.#options = options
  }

  get busy(): boolean {
    return this.#group !== undefined
  }

  holds(log: PartitionLog): boolean {
    return this.#group?.logs.has(log) ?? false
  }

  get bytes(): number {
    return this.#group?.bytes ?? 0
  }

  start(requests: readonly QueuedAppend[], options: Omit<RoundOptions, 'merge'>): void {
    const group = formRound(requests, { ...options, merge: false })
    this.#group = group
    void this.#run(group)
  }

  async #run(group: Round): Promise<void> {
    try {
      this.#ready = await this.#write(group)
    } catch (error) {
      await this.#failed(group, error)
    }
    this.#options.onSettled()
  }

  /** A group whose bytes are durable, for the next frame to name. */
  get ready(): { readonly group: Round; readonly entries: readonly RoundEntry[] } | undefined {
    return this.#group && this.#ready && { group: this.#group, entries: this.#ready }
  }

  /** The group was committed or refused. */
  finish(): void {
    this.#group = undefined
    this.#ready = undefined
  }

  async #write(group: Round): Promise<RoundEntry[]> {
    for (const log of group.logs) await this.#options.writer.flushPartition(log)
    await createRoundSegments(group, this.#options)
    const entries: RoundEntry[] = []
    await this.#limit.forEach(group.runs, (run) =>
      this.#options.writer.write(run.segment.path, bytesOf(run), run.position),
    )
    for (const run of group.runs) entries.push(entryOf(run, { namedCrc: crcOf(run) }))
    this.#options.space.wrote(group.bytes)
    for (const log of group.logs) announce(log, group)
    await this.#limit.forEach(group.runs, (run) => this.#options.writer.sync(run.segment.path, run.log))
    return entries
  }

  async #failed(group: Round, error: unknown): Promise<void> {
    const { condition } = this.#options
    let stored: 'no' | 'unknown' = 'unknown'
    if (isDiskFull(error) && condition.state === 'online') {
      condition.setFull('a segment could not be written: the disk is full')
      if (await this.#cutBack(group)) stored = 'no'
    }
    for (const log of group.logs) log.logEndOffset = log.highWatermark
    // Met while the segments were made: of an open segment file the directory would be offline by now.
    const passing = isOutOfDescriptors(error) && condition.state === 'online'
    const refusal = passing ? descriptorShortage(condition.path) : condition.error(stored)
    for (const request of group.requests) request.fail(refusal)
    this.finish()
  }

  /** Takes away what was written of a group that no frame will name. */
  async #cutBack(group: Round): Promise<boolean> {
    for (const { segment } of group.runs) {
      try {
        await this.#options.files.use(segment.path, (file) => file.truncate(segment.sizeBytes))
      } catch (error) {
        if (isMissingNew(group, segment.path)) continue
        this.#options.condition.poison(`cutting ${segment.path} back failed`, error)
        return false
      }
    }
    return true
  }
}

/** A segment that the group would have begun may not be there. */
function isMissingNew(group: Round, path: string): boolean {
  return group.runs.some((run) => run.segment.path === path && run.isNewSegment)
}

/** Offsets given out under `acks=1` are below the log end from now on. */
function announce(log: PartitionLog, group: Round): void {
  for (const run of group.runs) if (run.log === log) log.logEndOffset = run.lastOffset + 1
}

function bytesOf(run: RoundRun): Buffer[] {
  return run.batches.map((batch) => batch.bytes)
}

function crcOf(run: RoundRun): number {
  return run.batches.reduce((crc, batch) => crc32c(batch.bytes, crc), 0)
}

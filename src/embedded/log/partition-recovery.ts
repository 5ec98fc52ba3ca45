import * as path from 'node:path'
import type { Logger } from '../../broker/logger.ts'
import { crc32c } from '../../codec/crc32c.ts'
import { batchSizeBytes, checkBatch, maxTimestamp } from '../../codec/record-batch.ts'
import type { DecodedEntry } from '../commit/batches-section.ts'
import type { CheckpointPartition } from '../commit/checkpoint-section.ts'
import type { FileSystem } from '../file-system.ts'
import { RecoveringSegments } from './recovering-segments.ts'
import { PartitionLog, type PartitionPlacement } from './partition-log.ts'
import type { FencedRange } from './partition-view.ts'
import { parseSegmentFileName, segmentFileName } from './segment-name.ts'
import { emptySegmentFacts, Segment, type SegmentFacts } from './segment.ts'
import { diskFull, isDiskFull } from './storage-failure.ts'
import { unlaidBatches, type UnlaidRecords } from './unlaid-records.ts'

export interface PartitionRecoveryOptions {
  readonly fileSystem: FileSystem
  readonly logger: Logger
  readonly nowMs: number
  /** 0 ≤ jitter < 1 */
  readonly jitter: () => number
  /** The newest round in the journal: makes the names of what is set aside unique. */
  readonly lastRound: number
  /** Of the rounds lost to rot, the last; 0 = none. Then nothing is cut. */
  readonly lastMissingRound: number
  /**
   * Where the disk has no room for committed batches, they stay in memory, as those of a round whose lazy writes meet a
   * full disk: readers see them, the journal keeps them, the next checkpoint lays them.
   */
  readonly mayHoldRecords: boolean
}

export interface ScannedEntry {
  readonly round: number
  readonly entry: DecodedEntry
}

/**
 * Offsets skipped where a lost round may have given some out and nothing tells how many: more than a round can hold.
 */
const LOST_OFFSETS_MAX = 2 ** 20

/**
 * Brings one partition's files to what the journal says, and nothing else: can be repeated after a crash at any point.
 * Everything it did is synced when `run` resolves.
 */
export class PartitionRecovery {
  readonly #options: PartitionRecoveryOptions
  readonly #placement: PartitionPlacement
  readonly #directory: string
  readonly #files: RecoveringSegments
  readonly #segments: Mutable<SegmentFacts>[]
  readonly #fenced: FencedRange[]
  readonly #firstDirtyOffset: number
  #logEndOffset: number
  #unlaid: UnlaidRecords | undefined

  constructor(
    placement: PartitionPlacement,
    directory: string,
    checkpoint: CheckpointPartition | undefined,
    options: PartitionRecoveryOptions,
  ) {
    this.#options = options
    this.#placement = placement
    this.#directory = directory
    this.#files = new RecoveringSegments(options.fileSystem, directory)
    this.#segments = checkpoint
      ? checkpoint.segments.map((facts) => ({ ...facts }))
      : [emptySegmentFacts(0, options.nowMs)]
    this.#fenced = [...(checkpoint?.fenced ?? [])]
    this.#firstDirtyOffset = checkpoint?.firstDirtyOffset ?? 0
    this.#logEndOffset = checkpoint?.logEndOffset ?? 0
  }

  async run(entries: readonly ScannedEntry[]): Promise<PartitionLog> {
    try {
      const names = await this.#files.settle(this.#segments, !this.#lostRounds)
      for (const segment of this.#segments) await this.#checkPresent(segment, names)
      for (const { entry } of entries) await this.#replay(entry)
      await this.#files.flush()
      if (this.#lostRounds) await this.#keepWhatIsThere((entries.at(-1)?.round ?? 0) > this.#options.lastMissingRound)
      else await this.#cut(names)
      await this.#files.sync()
    } finally {
      await this.#files.close()
    }
    const { segments, logEndOffset } = this.#unlaid ?? { segments: this.#segments, logEndOffset: this.#logEndOffset }
    const log = new PartitionLog(this.#placement, this.#directory, {
      segments: segments.map((facts) => this.#segment(facts)),
      logEndOffset,
      fenced: this.#fenced,
      firstDirtyOffset: this.#firstDirtyOffset,
    })
    if (this.#unlaid) this.#commitUnlaid(log, this.#unlaid)
    return log
  }

  #segment(facts: SegmentFacts): Segment {
    return new Segment(this.#directory, facts, this.#options.jitter())
  }

  #commitUnlaid(log: PartitionLog, { batches }: UnlaidRecords): void {
    for (const batch of batches) {
      if (batch.segmentBaseOffset !== log.activeSegment.baseOffset) {
        log.addSegment(this.#segment(emptySegmentFacts(batch.segmentBaseOffset, this.#options.nowMs)))
      }
      log.commitRun([batch])
    }
    log.advance()
  }

  get #lostRounds(): boolean {
    return this.#options.lastMissingRound > 0
  }

  get #active(): Mutable<SegmentFacts> {
    return this.#segments.at(-1)!
  }

  /** A segment shorter than a checkpoint vouched for has lost records: they are fenced. The last one is written on. */
  async #checkPresent(segment: SegmentFacts, names: ReadonlySet<string>): Promise<void> {
    const present = names.has(segmentFileName(segment.baseOffset))
    const sizeBytes = present ? await this.#files.size(segment.baseOffset) : 0
    const next = this.#segments[this.#segments.findIndex((other) => other === segment) + 1]
    if (!present && (!next || segment.sizeBytes === 0)) await this.#files.create(segment.baseOffset)
    if (sizeBytes >= segment.sizeBytes) return
    const end = next?.baseOffset ?? this.#logEndOffset
    const reached = present
      ? (await this.#files.scan(segment.baseOffset, 0, segment.baseOffset, end)).nextOffset
      : segment.baseOffset
    const resume = { segmentBaseOffset: segment.baseOffset, position: segment.sizeBytes }
    this.#fence(
      next ? { from: reached, to: end } : { from: reached, to: end, resume },
      present ? 'its segment is shorter than it was' : 'its segment is missing',
    )
  }

  #fence(range: FencedRange, why: string): void {
    if (range.from >= range.to) return
    if (this.#fenced.some((known) => known.from <= range.from && range.to <= known.to)) return
    this.#fenced.push(range)
    this.#fenced.sort((one, other) => one.from - other.from)
    const { topic, partition } = this.#placement
    this.#options.logger.error({ topic, partition, ...range }, `records are lost, their offsets are fenced: ${why}`)
  }

  async #replay(entry: DecodedEntry): Promise<void> {
    if (entry.lastOffset < this.#logEndOffset) return
    if (entry.firstOffset !== this.#logEndOffset) await this.#bridge(entry)
    if (entry.segmentBaseOffset !== this.#active.baseOffset) this.#begin(entry.segmentBaseOffset)
    if (entry.position !== this.#active.sizeBytes) {
      throw new Error(
        `the journal puts ${this.#directory} offset ${entry.firstOffset} at byte ${entry.position} of segment ` +
          `${entry.segmentBaseOffset}, which ends at byte ${this.#active.sizeBytes}`,
      )
    }
    await this.#lay(entry)
    this.#logEndOffset = entry.lastOffset + 1
  }

  #begin(baseOffset: number): void {
    this.#segments.push(emptySegmentFacts(baseOffset, this.#options.nowMs))
  }

  async #lay(entry: DecodedEntry): Promise<void> {
    const { segmentBaseOffset, position, lengthBytes, content } = entry
    if ('bytes' in content) {
      if (this.#options.mayHoldRecords) await this.#layOrHold(entry, content.bytes)
      else await this.#files.write(segmentBaseOffset, position, content.bytes)
      this.#count(content.bytes)
      return
    }
    // Its bytes were in the file before its round was: the batches before it too, so there was room for them.
    if (this.#unlaid) throw diskFull(this.#path(segmentBaseOffset))
    await this.#files.flush()
    const bytes = await this.#files.read(segmentBaseOffset, position, lengthBytes)
    if (bytes.length === lengthBytes && crc32c(bytes) === content.namedCrc) this.#count(bytes)
    else {
      this.#active.sizeBytes += lengthBytes
      const resume = { segmentBaseOffset, position: position + lengthBytes }
      this.#fence({ from: entry.firstOffset, to: entry.lastOffset + 1, resume }, 'their bytes are not what was written')
    }
  }

  async #layOrHold(entry: DecodedEntry, bytes: Buffer): Promise<void> {
    const { segmentBaseOffset, position, firstOffset } = entry
    try {
      if (!this.#unlaid) {
        await this.#files.write(segmentBaseOffset, position, bytes)
        await this.#files.flush()
        return
      }
    } catch (error) {
      if (!isDiskFull(error) || this.#lostRounds) throw error
      const { topic, partition } = this.#placement
      this.#options.logger.warn(
        { topic, partition, offset: firstOffset },
        'the disk is full: committed records stay in memory and in the journal until there is space',
      )
      const segments = this.#segments.map((facts) => ({ ...facts }))
      this.#unlaid = { segments, logEndOffset: this.#logEndOffset, batches: [] }
    }
    this.#unlaid.batches.push(...unlaidBatches(entry, bytes))
  }

  /** The active segment ends with these batches. */
  #count(bytes: Buffer): void {
    const active = this.#active
    for (
      let at = 0;
      at < bytes.length && checkBatch(bytes, at, bytes.length) === 'valid';
      at += batchSizeBytes(bytes, at)
    ) {
      const newest = maxTimestamp(bytes, at)
      if (active.sizeBytes === 0 && at === 0) active.firstTimestamp = newest
      active.maxTimestamp = Math.max(active.maxTimestamp, newest)
    }
    active.sizeBytes += bytes.length
  }

  /** The journal lost what comes before this entry: keeps what the segments hold of it, fences the rest. */
  async #bridge(entry: DecodedEntry): Promise<void> {
    await this.#files.flush()
    await this.#adopt(entry.firstOffset)
    const { segmentBaseOffset, position, firstOffset } = entry
    if (segmentBaseOffset !== this.#active.baseOffset) {
      this.#fence({ from: this.#logEndOffset, to: firstOffset }, 'the journal lost the round that held them')
    } else {
      const resume = { segmentBaseOffset, position }
      this.#fence({ from: this.#logEndOffset, to: firstOffset, resume }, 'the journal lost the round that held them')
      this.#active.sizeBytes = position
    }
    this.#logEndOffset = firstOffset
  }

  /** Takes over valid batches that lie behind the log end, and segments that begin there. */
  async #adopt(untilOffset: number): Promise<void> {
    for (;;) {
      const active = this.#active
      const found = await this.#files.scan(active.baseOffset, active.sizeBytes, this.#logEndOffset, untilOffset)
      if (active.sizeBytes === 0) active.firstTimestamp = found.firstTimestamp
      active.sizeBytes = found.position
      active.maxTimestamp = Math.max(active.maxTimestamp, found.maxTimestamp)
      this.#logEndOffset = found.nextOffset
      if (found.nextOffset >= untilOffset || found.nextOffset === active.baseOffset) return
      if (!(await this.#files.exists(found.nextOffset))) return
      this.#begin(found.nextOffset)
    }
  }

  /**
   * Rounds were lost: nothing is cut, and offsets that they may have given out are not given out again, unless a later
   * round tells where the log ends.
   */
  async #keepWhatIsThere(endIsKnown: boolean): Promise<void> {
    if (endIsKnown) return
    await this.#adopt(Number.MAX_SAFE_INTEGER)
    const end = this.#logEndOffset + LOST_OFFSETS_MAX
    this.#fence({ from: this.#logEndOffset, to: end }, 'the journal lost rounds that may have held some')
    this.#logEndOffset = end
    this.#begin(end)
    await this.#files.create(end)
  }

  /** Bytes that no durable frame speaks of are an unfinished commit: set aside, and out of the log. */
  async #cut(names: ReadonlySet<string>): Promise<void> {
    for (const { baseOffset, sizeBytes } of this.#segments) {
      if (!names.has(segmentFileName(baseOffset))) continue
      if ((await this.#files.size(baseOffset)) > sizeBytes) {
        await this.#cutOff(baseOffset, sizeBytes)
      }
    }
    for (const name of names) {
      const baseOffset = parseSegmentFileName(name)
      if (baseOffset === undefined || baseOffset <= this.#active.baseOffset) continue
      await this.#files.setAside(baseOffset, this.#options.lastRound)
      this.#options.logger.warn({ segment: this.#path(baseOffset) }, 'an unfinished segment was set aside')
    }
  }

  async #cutOff(baseOffset: number, sizeBytes: number): Promise<void> {
    const { logger, lastRound, mayHoldRecords } = this.#options
    const segment = this.#path(baseOffset)
    try {
      await this.#files.cut(baseOffset, sizeBytes, lastRound)
      logger.warn({ segment, sizeBytes }, 'an unfinished commit was cut off')
    } catch (error) {
      if (!isDiskFull(error) || !mayHoldRecords) throw error
      // It is out of the log all the same: what comes next is written over it, or a later start cuts it.
      logger.warn({ segment, sizeBytes }, 'the disk is full: an unfinished commit stays behind the end of its segment')
    }
  }

  #path(baseOffset: number): string {
    return path.join(this.#directory, segmentFileName(baseOffset))
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

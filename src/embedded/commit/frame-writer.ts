import type { Clock } from '../../broker/clock.ts'
import type { CommitObserver } from '../../broker/engine-statistics.ts'
import type { DirectoryCondition } from '../log/directory-condition.ts'
import type { SegmentWriter } from '../log/segment-writer.ts'
import { isDiskFull } from '../log/storage-failure.ts'
import type { TailCache } from '../log/tail-cache.ts'
import { batchesSection, ENTRY_BYTES, type RoundEntry } from './batches-section.ts'
import type { DirectAppends } from './direct-append.ts'
import { FRAME_HEADER_BYTES, sectionBytes, type FrameKind, type Section } from './frame.ts'
import type { Journal } from './journal.ts'
import type { QueuedAppend } from './queued-append.ts'
import type { SpaceGuard } from './space-guard.ts'
import { producersSection } from './producers-section.ts'
import { inlineEntries, type Round, type RoundRun } from './round.ts'

export interface FrameWriterOptions {
  readonly clock: Clock
  readonly journal: Journal
  readonly writer: SegmentWriter
  readonly direct: DirectAppends
  readonly tailCache: TailCache
  readonly condition: DirectoryCondition
  readonly space: SpaceGuard
  readonly observer: CommitObserver | undefined
  /** A round was committed; so many of its bytes went past the journal. */
  readonly onCommitted: (directBytes: number) => void
  /** Facts of requests are durable in the journal: called before a checkpoint can cover their round. */
  readonly onFacts: (facts: Section) => void
}

/** A group of large requests whose bytes are durable in their segments, for a frame to name. */
export interface NamedGroup {
  readonly group: Round
  readonly entries: readonly RoundEntry[]
}

/** What a group of direct appends adds to the frame that names it. */
export function namedBytes({ group, entries }: NamedGroup): number {
  let bytes = entries.length * ENTRY_BYTES
  for (const request of group.requests) bytes += request.factsBytes
  return bytes
}

/** Writes frames to the journal, and does what is due once they are durable. One at a time. */
export class FrameWriter {
  readonly #options: FrameWriterOptions
  #committedRound: number
  #rounds = 0
  #appendedBytes = 0
  #directBytes = 0

  constructor(options: FrameWriterOptions) {
    this.#options = options
    this.#committedRound = options.journal.lastRound
  }

  /** The newest round whose batches are in the partitions' memory: what a checkpoint taken now covers. */
  get committedRound(): number {
    return this.#committedRound
  }

  get rounds(): number {
    return this.#rounds
  }

  get appendedBytes(): number {
    return this.#appendedBytes
  }

  get directBytes(): number {
    return this.#directBytes
  }

  /** Commits a round for which there is room, and answers its requests. */
  async writeRound(round: Round, named: NamedGroup | undefined): Promise<void> {
    const { journal, condition, direct } = this.#options
    const requests = named ? [...named.group.requests, ...round.requests] : round.requests
    const entries = named ? [...named.entries, ...inlineEntries(round)] : inlineEntries(round)
    for (const run of round.runs) run.log.logEndOffset = run.lastOffset + 1
    // Only the frame makes bytes part of the log, those of large requests too: without it a restart cuts them off.
    const early = requests.filter((request) => request.acks === '1')
    const written = (): void => early.forEach((request) => request.succeed())
    const facts = producersSection(requests)
    const sections = facts ? [batchesSection(entries), facts] : [batchesSection(entries)]
    try {
      await journal.append('round', sections, early.length > 0 ? written : undefined)
    } catch (error) {
      condition.poison('writing the journal failed', error)
      for (const request of requests) request.fail(condition.error('unknown'))
      if (named) direct.finish()
      return
    }
    if (facts) this.#factsCommitted(facts, requests)
    this.#committed(round, named?.group)
    for (const request of requests) request.succeed()
    this.#observe(requests)
    advance(round)
    if (named) advance(named.group)
    this.#options.writer.schedule()
  }

  /** Any other frame: rejects if it may not be there. */
  async writeFrame(kind: FrameKind, sections: readonly Section[]): Promise<void> {
    const { journal, condition, space } = this.#options
    const bytes = sections.reduce((sum, section) => sum + sectionBytes(section), FRAME_HEADER_BYTES)
    try {
      journal.makeRoomIfFree(bytes)
      await journal.allocate(bytes).catch(async (error: unknown) => {
        if (!isDiskFull(error) || !(await space.release())) throw error
        await journal.allocate(bytes)
      })
    } catch (error) {
      if (!isDiskFull(error)) condition.poison('extending the journal failed', error)
      throw error
    }
    try {
      await journal.append(kind, sections)
    } catch (error) {
      condition.poison('writing the journal failed', error)
      throw error
    }
    this.#committedRound = journal.lastRound
  }

  /** The frame is durable: readers may see the batches. Synchronous, so that nobody sees half of it. */
  #committed(round: Round, group: Round | undefined): void {
    const { journal, writer, direct, tailCache, onCommitted } = this.#options
    this.#committedRound = journal.lastRound
    this.#rounds++
    for (const run of round.runs) {
      this.#apply(run)
      writer.committed(run.log, run.lengthBytes)
    }
    if (group) this.#committedDirect(group)
    this.#appendedBytes += round.bytes
    if (group) direct.finish()
    tailCache.evict()
    onCommitted(group?.bytes ?? 0)
  }

  /** Before anybody can take a checkpoint of the round. */
  #factsCommitted(facts: Section, requests: readonly QueuedAppend[]): void {
    for (const request of requests) request.facts?.committed(request.results)
    this.#options.onFacts(facts)
  }

  /** Batches that are in their segments already. */
  #committedDirect(group: Round): void {
    for (const run of group.runs) {
      this.#apply(run)
      run.log.laid(run.batches)
      this.#options.writer.index(run.log, run.segment, run.batches)
    }
    this.#appendedBytes += group.bytes
    this.#directBytes += group.bytes
  }

  #apply(run: RoundRun): void {
    if (run.isNewSegment) run.log.addSegment(run.segment)
    run.log.commitRun(run.batches)
    this.#options.tailCache.added(run.log, run.batches.length, run.lengthBytes)
  }

  #observe(requests: readonly QueuedAppend[]): void {
    const { observer, clock } = this.#options
    if (!observer) return
    const now = clock.monotonic()
    let oldest = now
    let bytes = 0
    for (const request of requests) {
      oldest = Math.min(oldest, request.arrivedMs)
      bytes += request.bytes
    }
    observer.committed(now - oldest, requests.length, bytes)
  }
}

function advance(round: Round): void {
  for (const log of round.logs) log.advance()
}

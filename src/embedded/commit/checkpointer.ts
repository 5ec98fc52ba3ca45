import type { PartitionLog } from '../log/partition-log.ts'
import type { SegmentWriter } from '../log/segment-writer.ts'
import type { CapturedFacts } from '../producers/directory-facts.ts'
import { checkpointSection, type CheckpointPartition } from './checkpoint-section.ts'
import type { Committer } from './committer.ts'
import type { Journal } from './journal.ts'

export interface CheckpointerOptions {
  readonly journal: Journal
  readonly committer: Committer
  readonly writer: SegmentWriter
  readonly partitions: () => Iterable<PartitionLog>
  /** Where partitions stand that are offline: carried on from checkpoint to checkpoint until they are back. */
  readonly offline: () => Iterable<CheckpointPartition>
  /** What is known of the requests of all rounds committed until now. */
  readonly captureFacts: () => CapturedFacts
}

/**
 * Takes checkpoints: what is committed up to a round goes to the segments, these are synced, and a frame then says so.
 * Rounds go on meanwhile; only when the frame is durable may the journal file that it covers be overwritten, and are
 * the changes of segments in force that partitions had staged when it began.
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions
  #underWay: Promise<void> | undefined
  #next: Promise<void> | undefined
  #taken = 0
  #ended = false

  constructor(options: CheckpointerOptions) {
    this.#options = options
  }

  get taken(): number {
    return this.#taken
  }

  /** Takes one unless one is being taken. Failures show in the directory's condition. */
  want(): void {
    if (this.#underWay) return
    void this.take('checkpoint').catch(() => this.#options.committer.checkpointFailed())
  }

  /** A checkpoint that begins behind this call, one for all who ask before it begins. */
  next(): Promise<void> {
    this.#next ??= this.#takeNext()
    return this.#next
  }

  async #takeNext(): Promise<void> {
    await Promise.resolve()
    while (this.#underWay) await this.#underWay.catch(() => {})
    this.#next = undefined
    if (this.#ended) throw new Error('the log directory is being closed')
    try {
      await this.take('checkpoint')
    } catch (error) {
      // A round that wanted one meanwhile was told that one is being taken.
      this.#options.committer.checkpointFailed()
      throw error
    }
  }

  /** A checkpoint that begins now, or when the one under way has ended. */
  async take(kind: 'checkpoint' | 'clean'): Promise<void> {
    while (this.#underWay) await this.#underWay.catch(() => {})
    if (kind === 'clean') this.#ended = true
    this.#underWay = this.#take(kind)
    try {
      await this.#underWay
    } finally {
      this.#underWay = undefined
    }
    // A round may wait for the room that this has made.
    this.#options.committer.kick()
  }

  async #take(kind: 'checkpoint' | 'clean'): Promise<void> {
    const { committer, writer, journal } = this.#options
    const covered = committer.committed.committedRound
    const changing = [...this.#options.partitions()].filter((log) => log.staged)
    const section = checkpointSection(covered, [...capture(this.#options.partitions()), ...this.#options.offline()])
    const facts = this.#options.captureFacts()
    try {
      const stored = await facts.store()
      await writer.flush()
      await writer.syncTouched()
      await committer.appendFrame(kind, stored ? [section, stored] : [section])
    } catch (error) {
      for (const log of changing) log.unstage()
      throw error
    }
    journal.covered(covered)
    for (const log of changing) log.applyStaged()
    this.#taken++
  }
}

/** What a checkpoint says of partitions, at this moment. */
export function capture(partitions: Iterable<PartitionLog>): CheckpointPartition[] {
  const captured: CheckpointPartition[] = []
  for (const log of partitions) {
    if (log.dropped || log.offlineReason !== undefined) continue
    const { topicIdBytes, partition, highWatermark: logEndOffset } = log
    captured.push({ topicIdBytes, partition, logEndOffset, ...log.checkpointed })
  }
  return captured
}

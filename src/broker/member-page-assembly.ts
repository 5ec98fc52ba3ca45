import type { OffsetGap, PartitionPosition, PartitionReadError } from './topic-page.ts'
import type { AssignedTopic, MemberAnswer } from './group-membership.ts'
import type { CursorTopic, MemberCursor } from './member-cursor.ts'
import type { MemberRead, MemberReadEntry } from './member-page-reader.ts'
import { aheadOf, type MemberPosition, type MemberPositions, type OffsetsByTopic } from './member-positions.ts'
import { heldPositions, type MemberStanding, standingWith, type TopicPositions } from './member-state.ts'
import { isRepairable, type PageProgress } from './page-reader.ts'
import { errorOf, isUpToDate, positionOf, repairedOffset } from './topic-pages.ts'

/** A position that could not be read, and where reading goes on. */
export interface MovedPosition extends OffsetGap {
  /** False where the client was told of it before. */
  readonly isNews: boolean
}

/** What was read for a member, and what a reply makes of it. */
export class MemberPageAssembly {
  readonly #cursor: MemberCursor
  readonly #found: MemberPositions
  readonly #read: MemberRead
  readonly #moves: ReadonlyMap<string, MovedPosition>
  readonly #entries: readonly MemberReadEntry[]

  constructor(cursor: MemberCursor, found: MemberPositions, read: MemberRead, moves: readonly MovedPosition[] = []) {
    this.#cursor = cursor
    this.#found = found
    this.#read = read
    this.#moves = new Map(moves.map((move) => [keyOf(move), move]))
    // Of a deleted topic there is nothing to say: the assignment follows.
    this.#entries = read.entries.filter(({ progress }) => !isOfDeletedTopic(progress))
  }

  get hasRecords(): boolean {
    return this.#read.hasRecords
  }

  /** No partition could be read. */
  get hasOnlyFailed(): boolean {
    return this.#entries.length > 0 && this.failed.length === this.#entries.length
  }

  /** What could not be read, other than what was moved. */
  get failed(): readonly PageProgress[] {
    return this.#entries
      .filter(({ position, progress }) => progress.error !== undefined && !this.#isMoved(position, progress))
      .map(({ progress }) => progress)
  }

  get errors(): readonly PartitionReadError[] {
    return this.failed.map(errorOf)
  }

  get gaps(): readonly OffsetGap[] {
    return [...this.#moves.values()]
      .filter(({ isNews }) => isNews)
      .map(({ topic, partition, fromOffset, toOffset }) => ({ topic, partition, fromOffset, toOffset }))
  }

  get upToDate(): boolean {
    return this.#read.isComplete && this.#entries.every(({ progress }) => isUpToDate(progress))
  }

  /** The partitions the page moved in. */
  get partitions(): readonly PartitionPosition[] {
    return this.#entries
      .filter(({ progress }) => progress.nextOffset !== progress.fromOffset)
      .map(({ progress }) => positionOf(progress))
  }

  /** Positions before the log start or beyond the end. */
  get outOfRange(): readonly MemberPosition[] {
    return this.#entries.filter(({ progress }) => isOutOfRange(progress)).map(({ position }) => position)
  }

  /** The same page, with positions that were out of range moved for the next one. */
  withMoves(moves: readonly MovedPosition[]): MemberPageAssembly {
    return new MemberPageAssembly(this.#cursor, this.#found, this.#read, moves)
  }

  /** Whether the member still owns, without a break, all partitions whose records are on the page. */
  mayBeSent({ assignment }: MemberAnswer): boolean {
    const since = sinceEpochs(assignment)
    return this.#entries.every(({ position, progress }) => !progress.hasRecords || isStillOwned(since, position))
  }

  /** How the member stands, and the cursor behind the page. */
  next(standing: MemberAnswer, fetchTimeMs: number): { readonly shown: MemberStanding; readonly cursor: MemberCursor } {
    const { group, memberId, instanceId, autoOffsetReset } = this.#cursor
    const head = { group, memberId, fetchTimeMs, autoOffsetReset, turn: this.#turn() }
    const { committed } = this.#found
    const positions = [
      ...this.#positions(standing),
      ...aheadOf(committed, heldPositions(this.#cursor, standing.revoking)),
    ]
    return standingWith(standing, { ...head, ...(instanceId !== undefined && { instanceId }) }, merged(positions))
  }

  /** The cursor with what failed for good moved to the nearest offset that can be read. */
  accepting(next: MemberCursor): MemberCursor {
    const repairs = this.#entries
      .filter(({ progress }) => isRepairable(progress))
      .map(({ position: { topicId, partition }, progress }) => ({
        topicId,
        positions: [{ partition, offset: repairedOffset(progress) }],
      }))
    const topics = new Map(next.topics.map((topic) => [topic.topicId, topic]))
    for (const { topicId, positions } of merged([...next.topics, ...repairs])) {
      const empty: CursorTopic = { topicId, held: [], revoking: [], positions: [] }
      topics.set(topicId, { ...(topics.get(topicId) ?? empty), positions })
    }
    return { ...next, topics: [...topics.values()] }
  }

  #positions({ assignment }: MemberAnswer): TopicPositions[] {
    const since = sinceEpochs(assignment)
    const read = this.#entries
      .filter(({ position, progress }) => isStillOwned(since, position) && this.#isAhead(position, progress))
      .map(({ position, progress }) => ({
        topicId: position.topicId,
        positions: [{ partition: position.partition, offset: this.#offsetAfter(position, progress) }],
      }))
    return [...aheadOf(this.#found.committed, heldPositions(this.#cursor, assignment)), ...read]
  }

  #offsetAfter(position: MemberPosition, progress: PageProgress): number {
    const move = this.#moves.get(keyOf(position))
    return move !== undefined && isOutOfRange(progress) ? move.toOffset : progress.nextOffset
  }

  #isAhead(position: MemberPosition, progress: PageProgress): boolean {
    if (this.#moves.has(keyOf(position))) return true
    const committedOffset = this.#found.committed.get(position.topicId)?.get(position.partition)
    if (committedOffset !== undefined) return progress.nextOffset > committedOffset
    return position.heldOffset !== undefined || progress.nextOffset !== position.offset
  }

  #isMoved(position: MemberPosition, progress: PageProgress): boolean {
    return isOutOfRange(progress) && this.#moves.has(keyOf(position))
  }

  /** The turn goes to the partition behind the last one that gave records, so that none starves. */
  #turn(): number {
    const last = this.#entries.findLast(({ progress }) => progress.hasRecords)?.position
    if (last === undefined) return this.#cursor.turn
    return 1 + this.#found.readable.findIndex((position) => keyOf(position) === keyOf(last))
  }
}

function isOfDeletedTopic({ error }: PageProgress): boolean {
  return error?.code === 'UNKNOWN_TOPIC_OR_PARTITION' || error?.code === 'UNKNOWN_TOPIC_ID'
}

function isOutOfRange({ error }: PageProgress): boolean {
  return error?.code === 'OFFSET_OUT_OF_RANGE'
}

function sinceEpochs(assignment: readonly AssignedTopic[]): OffsetsByTopic {
  return new Map(
    assignment.map(({ topicId, partitions, sinceEpochs: epochs }) => [
      topicId,
      new Map(partitions.map((partition, index) => [partition, epochs[index] ?? -1])),
    ]),
  )
}

function isStillOwned(since: OffsetsByTopic, { topicId, partition, sinceEpoch }: MemberPosition): boolean {
  return since.get(topicId)?.get(partition) === sinceEpoch
}

/** One entry a topic, partitions ascending; of a partition named twice the last counts. */
function merged(positions: readonly TopicPositions[]): TopicPositions[] {
  const byTopic = new Map<string, Map<number, number>>()
  for (const { topicId, positions: ofTopic } of positions) {
    const offsets = byTopic.get(topicId) ?? new Map<number, number>()
    byTopic.set(topicId, offsets)
    for (const { partition, offset } of ofTopic) offsets.set(partition, offset)
  }
  return [...byTopic].map(([topicId, offsets]) => ({
    topicId,
    positions: [...offsets]
      .map(([partition, offset]) => ({ partition, offset }))
      .sort((a, b) => a.partition - b.partition),
  }))
}

function keyOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}/${partition}`
}

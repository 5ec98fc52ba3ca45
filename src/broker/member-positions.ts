import type { AutoOffsetReset } from './auto-offset-reset.ts'
import { BrokerError } from './broker-error.ts'
import type { Engine } from './engine.ts'
import type { CommittedOffset } from './group-coordinator.ts'
import type { MemberAnswer } from './group-membership.ts'
import type { MemberCursor } from './member-cursor.ts'
import { heldPositions, type TopicPositions } from './member-state.ts'
import type { OffsetService } from './offset-service.ts'

/** A partition that a member may read, and where. */
export interface MemberPosition {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  /** Since which epoch the member has owned it without a break. */
  readonly sinceEpoch: number
  readonly offset: number
  readonly committedOffset: number | undefined
  /** What the cursor says; undefined where that does not count or there is nothing. */
  readonly heldOffset: number | undefined
}

export interface MemberPositions {
  /** All partitions assigned, in the order of the assignment. */
  readonly readable: readonly MemberPosition[]
  /** Of partitions that are to be let go: they are not read, but may be committed. */
  readonly revoking: readonly TopicPositions[]
  /** By topic id and partition. */
  readonly committed: OffsetsByTopic
}

export type OffsetsByTopic = ReadonlyMap<string, ReadonlyMap<number, number>>

/** Where a member reads on: at its own positions, else at the committed offsets, else at the log start. */
export class MemberPositionFinder {
  readonly #engine: Engine
  readonly #offsets: OffsetService

  constructor(engine: Engine, offsets: OffsetService) {
    this.#engine = engine
    this.#offsets = offsets
  }

  /** Rejects with NO_OFFSET_FOR_PARTITION where `reset` is `none` and there is nothing to begin at. */
  async find(cursor: MemberCursor, answer: MemberAnswer, reset: AutoOffsetReset): Promise<MemberPositions> {
    const committed = committedOffsets(await this.#engine.groups.committed(cursor.group))
    const held = heldPositions(cursor, answer.assignment)
    const starts = await this.#logStarts(cursor.group, answer, reset, (topicId, partition) =>
      isSomewhere(held.get(topicId)?.get(partition), committed.get(topicId)?.get(partition)),
    )
    const readable = answer.assignment.flatMap(({ topic, topicId, partitions, sinceEpochs }) =>
      partitions.map((partition, index): MemberPosition => {
        const heldOffset = held.get(topicId)?.get(partition)
        const committedOffset = committed.get(topicId)?.get(partition)
        const offset = isSomewhere(heldOffset, committedOffset)
          ? Math.max(heldOffset ?? 0, committedOffset ?? 0)
          : (starts.get(topicId)?.get(partition) ?? 0)
        return { topic, topicId, partition, sinceEpoch: sinceEpochs[index] ?? 0, offset, committedOffset, heldOffset }
      }),
    )
    return { readable, revoking: aheadOf(committed, heldPositions(cursor, answer.revoking)), committed }
  }

  async #logStarts(
    group: string,
    { assignment }: MemberAnswer,
    reset: AutoOffsetReset,
    isKnown: (topicId: string, partition: number) => boolean,
  ): Promise<OffsetsByTopic> {
    const starts = new Map<string, ReadonlyMap<number, number>>()
    for (const { topic, topicId, partitions } of assignment) {
      const without = partitions.filter((partition) => !isKnown(topicId, partition))
      if (without.length === 0) continue
      if (reset === 'none') throw nothingCommitted(group, topic, without)
      const found = await this.#offsets.starts(topic, without, 'earliest', 0)
      starts.set(topicId, new Map(found.map(({ partition, offset }) => [partition, offset])))
    }
    return starts
  }
}

export function committedOffsets(committed: readonly CommittedOffset[]): OffsetsByTopic {
  const byTopic = new Map<string, Map<number, number>>()
  for (const { topicId, partition, nextOffset } of committed) {
    const offsets = byTopic.get(topicId)
    if (offsets === undefined) byTopic.set(topicId, new Map([[partition, nextOffset]]))
    else offsets.set(partition, nextOffset)
  }
  return byTopic
}

/** Positions beyond the committed offsets: only those have to be carried. */
export function aheadOf(committed: OffsetsByTopic, held: OffsetsByTopic): TopicPositions[] {
  return [...held].map(([topicId, positions]) => ({
    topicId,
    positions: [...positions]
      .filter(([partition, offset]) => offset > (committed.get(topicId)?.get(partition) ?? -1))
      .map(([partition, offset]) => ({ partition, offset }))
      .sort((a, b) => a.partition - b.partition),
  }))
}

function isSomewhere(heldOffset: number | undefined, committedOffset: number | undefined): boolean {
  return heldOffset !== undefined || committedOffset !== undefined
}

export function nothingCommitted(group: string, topic: string, partitions: readonly number[]): BrokerError {
  const shown = partitions.slice(0, 10).join(', ') + (partitions.length > 10 ? ', …' : '')
  return new BrokerError(
    'NO_OFFSET_FOR_PARTITION',
    `The group "${group}" has committed nothing for partitions ${shown} of "${topic}", and autoOffsetReset=none: ` +
      `commit where to start (POST /consumer-groups/${group}/offsets with "offsets" and "cursor"), ` +
      'or join again with autoOffsetReset=earliest or latest.',
    { facts: { topic, partitions } },
  )
}

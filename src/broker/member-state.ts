import { crc32 } from 'node:zlib'
import type { AssignedTopic, MemberAnswer, MemberState } from './group-membership.ts'
import { announceable, type CursorPosition, type CursorTopic, isListable, type MemberCursor } from './member-cursor.ts'

/** Partitions as replies show them. */
export interface ShownPartitions {
  readonly topic: string
  readonly partitions: readonly number[]
}

/** What every reply to a member tells of how it stands. */
export interface MemberStanding {
  readonly memberEpoch: number
  readonly assignment: readonly ShownPartitions[]
  readonly revoking: readonly ShownPartitions[]
}

export interface TopicPositions {
  readonly topicId: string
  readonly positions: readonly CursorPosition[]
}

/** The parts of a cursor that do not come from the coordinator. */
export type CursorHead = Pick<
  MemberCursor,
  'group' | 'memberId' | 'instanceId' | 'fetchTimeMs' | 'autoOffsetReset' | 'turn'
>

/** The cursor that goes with an answer, and the answer as it is shown: it announces what the cursor has room for. */
export function standingWith(
  answer: MemberAnswer,
  head: CursorHead,
  positions: readonly TopicPositions[],
): { readonly shown: MemberStanding; readonly cursor: MemberCursor } {
  const revoking = announceable(answer.revoking)
  const heldListed = isListable(answer.assignment)
  const { memberEpoch, maxPollIntervalMs, subscription } = answer
  return {
    shown: { memberEpoch, assignment: shownPartitions(answer.assignment), revoking: shownPartitions(revoking) },
    cursor: {
      ...head,
      memberEpoch,
      maxPollIntervalMs,
      fingerprint: fingerprintOf(answer),
      heldListed,
      ...(subscription !== undefined && { subscription }),
      topics: cursorTopics(heldListed ? answer.assignment : [], revoking, positions),
    },
  }
}

/** Whether an answer has to be told to a client that has this cursor: the reply that told it may have been lost. */
export function isNewTo(cursor: MemberCursor, answer: MemberAnswer): boolean {
  return cursor.fingerprint !== fingerprintOf(answer) || answer.revoking.some((topic) => !isAnnounced(cursor, topic))
}

export function stateOf(cursor: MemberCursor): MemberState {
  const { group, memberId, instanceId, memberEpoch, maxPollIntervalMs, subscription, heldListed, topics } = cursor
  return {
    group,
    memberId,
    memberEpoch,
    maxPollIntervalMs,
    ...(heldListed && { held: topics.map(({ topicId, held }) => ({ topicId, partitions: held })) }),
    announced: topics.map(({ topicId, revoking }) => ({ topicId, partitions: revoking })),
    ...(subscription !== undefined && { subscription }),
    ...(instanceId !== undefined && { instanceId }),
  }
}

export function shownPartitions(topics: readonly ShownPartitions[]): ShownPartitions[] {
  return topics.map(({ topic, partitions }) => ({ topic, partitions })).sort((a, b) => (a.topic < b.topic ? -1 : 1))
}

/** A member's positions by topic id and partition, of those partitions that it has owned since its cursor was made. */
export function heldPositions(cursor: MemberCursor, owned: readonly AssignedTopic[]): Map<string, Map<number, number>> {
  const byTopic = new Map(cursor.topics.map(({ topicId, positions }) => [topicId, positions]))
  const held = new Map<string, Map<number, number>>()
  for (const { topicId, partitions, sinceEpochs } of owned) {
    const positions = byTopic.get(topicId)
    if (positions === undefined || positions.length === 0) continue
    const since = new Map(partitions.map((partition, index) => [partition, sinceEpochs[index] ?? Infinity]))
    const kept = positions.filter(({ partition }) => (since.get(partition) ?? Infinity) <= cursor.memberEpoch)
    if (kept.length === 0) continue
    const before = held.get(topicId) ?? new Map<number, number>()
    for (const { partition, offset } of kept) before.set(partition, offset)
    held.set(topicId, before)
  }
  return held
}

function isAnnounced(cursor: MemberCursor, { topicId, partitions }: AssignedTopic): boolean {
  const announced = new Set(cursor.topics.find((topic) => topic.topicId === topicId)?.revoking)
  return partitions.every((partition) => announced.has(partition))
}

function fingerprintOf({ assignment }: MemberAnswer): number {
  const parts = assignment.map(({ topicId, partitions, sinceEpochs }) =>
    [topicId, partitions.join(), sinceEpochs.join()].join(':'),
  )
  return crc32(parts.join(';'))
}

function cursorTopics(
  held: readonly AssignedTopic[],
  revoking: readonly AssignedTopic[],
  positions: readonly TopicPositions[],
): CursorTopic[] {
  const topics = new Map<string, CursorTopic>()
  const topicOf = (topicId: string): CursorTopic =>
    topics.get(topicId) ?? { topicId, held: [], revoking: [], positions: [] }
  for (const { topicId, partitions } of held) topics.set(topicId, { ...topicOf(topicId), held: partitions })
  for (const { topicId, partitions } of revoking) topics.set(topicId, { ...topicOf(topicId), revoking: partitions })
  for (const { topicId, positions: ofTopic } of positions) {
    if (ofTopic.length > 0) topics.set(topicId, { ...topicOf(topicId), positions: ofTopic })
  }
  return [...topics.values()]
}

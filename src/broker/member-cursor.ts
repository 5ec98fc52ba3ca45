import type { CursorCodec } from './cursor.ts'
import { type CursorReader, CursorWriter, MAX_CURSOR_LENGTH } from './cursor-bytes.ts'
import { CursorTrail, type TrailPlace } from './cursor-trail.ts'
import { partitionSetLength, readPartitionSet, writePartitionSet } from './partition-set-bytes.ts'

/**
 * What a member of a group carries from call to call, so that any node can serve the next one. Body of a cursor of the
 * kind `member`, as cursor.ts frames it:
 *
 * ```
 * group | member id | instance id (empty = none) | epoch | fetch time | auto.offset.reset | max poll interval
 *   | flags u8 | fingerprint of the assignment | turn | subscription | count of topics
 *   | topics × (topic id (16 bytes) | revoking | held | count | count × (partition delta, offset))
 * ```
 * `revoking` and `held` are partition sets (partition-set-bytes.ts); `held` is there only with the flag `HELD_LISTED`,
 * `subscription` only with the flag `SUBSCRIPTION`.
 */
export interface MemberCursor {
  readonly group: string
  readonly memberId: string
  readonly instanceId?: string
  readonly memberEpoch: number
  /** Unix milliseconds. */
  readonly fetchTimeMs: number
  /** As the join has it. */
  readonly autoOffsetReset: string
  readonly maxPollIntervalMs: number
  /** Of the assignment that came with the cursor. */
  readonly fingerprint: number
  /** Which of the assigned partitions is to be read first, counted through all of them. */
  readonly turn: number
  /** A checksum of the topics subscribed to, where the engine asks for it. */
  readonly subscription?: number
  /** False where the partitions held were too many for the cursor. */
  readonly heldListed: boolean
  readonly topics: readonly CursorTopic[]
}

export interface CursorTopic {
  /** 22 characters of base64url. */
  readonly topicId: string
  /** Partitions assigned when the cursor was made, ascending. */
  readonly held: readonly number[]
  /** Partitions announced as revoking with the cursor or before it, ascending. */
  readonly revoking: readonly number[]
  /** Where reading goes on, of partitions that were read beyond their committed offset; ascending. */
  readonly positions: readonly CursorPosition[]
}

export interface CursorPosition {
  readonly partition: number
  readonly offset: number
}

/** Bytes that base64url of the longest cursor stands for, less the checksum. */
const MAX_BYTES = Math.floor((MAX_CURSOR_LENGTH * 3) / 4) - 4
const TOPIC_ID_BYTES = 16
/** An offset has at most 8 bytes, a partition's delta 3 (a topic has fewer than 2^21 partitions). */
const POSITION_BYTES = 11
/** Id, empty sets, and the count of positions. */
const TOPIC_BYTES = TOPIC_ID_BYTES + 6
/** What the partitions held and those revoking may take, each. The rest is for positions. */
const SET_BYTES = 600
const HELD_LISTED = 1
const SUBSCRIPTION = 2

export class MemberCursorCodec {
  readonly #cursors: CursorCodec

  constructor(cursors: CursorCodec) {
    this.#cursors = cursors
  }

  encode(cursor: MemberCursor): string {
    const out = this.#cursors.begin('member')
    writeIdentity(out, cursor)
    out.number(cursor.topics.length)
    for (const topic of cursor.topics) {
      writeTopicHead(out, topic, cursor.heldListed)
      let before = 0
      for (const { partition, offset } of topic.positions) {
        out.number(partition - before)
        out.number(offset)
        before = partition
      }
    }
    return out.seal()
  }

  /**
   * Rejects with INVALID_CURSOR what is damaged, foreign, or not a member's.
   *
   * @param pointer where the request has the cursor
   */
  decode(text: string, pointer = '?cursor'): MemberCursor {
    const from = this.#cursors.open(text, 'member', pointer)
    const identity = readIdentity(from)
    const topics: CursorTopic[] = []
    for (let count = from.number(); count > 0; count -= 1) topics.push(readTopic(from, identity.heldListed))
    from.end()
    return { ...identity, topics }
  }

  /** Cursors from this one on, as its positions move one by one; places count through the positions of all topics. */
  trail(cursor: MemberCursor): CursorTrail {
    const places: TrailPlace[] = []
    let out = this.#cursors.begin('member')
    writeIdentity(out, cursor)
    out.number(cursor.topics.length)
    for (const topic of cursor.topics) {
      writeTopicHead(out, topic, cursor.heldListed)
      let before = 0
      for (const { partition, offset } of topic.positions) {
        out.number(partition - before)
        places.push({ before: out.bytes(), offset })
        out = new CursorWriter()
        before = partition
      }
    }
    return new CursorTrail(places, out.bytes())
  }

  /** Bytes that a cursor has for positions, as `positionCost` counts them. */
  positionRoom(cursor: Omit<MemberCursor, 'topics'>): number {
    const out = this.#cursors.begin('member')
    writeIdentity(out, {
      ...cursor,
      memberEpoch: 2 ** 31,
      fetchTimeMs: 2 ** 47,
      fingerprint: 2 ** 32 - 1,
      turn: 2 ** 31,
    })
    return MAX_BYTES - out.length - 3 - 2 * SET_BYTES
  }
}

/** At most so many bytes that a position takes. */
export function positionCost(isFirstOfTopic: boolean): number {
  return POSITION_BYTES + (isFirstOfTopic ? TOPIC_BYTES : 0)
}

/** As many of the revoking partitions as a cursor has room for: the others are announced when these are let go. */
export function announceable<Topic extends { readonly partitions: readonly number[] }>(
  revoking: readonly Topic[],
): (Topic & { readonly partitions: readonly number[] })[] {
  let room = SET_BYTES
  const announced: (Topic & { readonly partitions: readonly number[] })[] = []
  for (const topic of revoking) {
    const left = room - TOPIC_BYTES
    const first = topic.partitions[0]
    if (left <= 8 || first === undefined) continue
    const partitions = topic.partitions.filter((partition) => partition - first < (left - 8) * 8)
    room -= TOPIC_BYTES + partitionSetLength(partitions)
    announced.push({ ...topic, partitions })
  }
  return announced
}

/** Whether the partitions held can be listed in a cursor. */
export function isListable(assignment: readonly { readonly partitions: readonly number[] }[]): boolean {
  let size = 0
  for (const { partitions } of assignment) size += TOPIC_BYTES + partitionSetLength(partitions)
  return size <= SET_BYTES
}

/** All of a topic before its positions. */
function writeTopicHead(
  out: CursorWriter,
  { topicId, revoking, held, positions }: CursorTopic,
  heldListed: boolean,
): void {
  out.raw(Buffer.from(topicId, 'base64url'))
  writePartitionSet(out, revoking)
  if (heldListed) writePartitionSet(out, held)
  out.number(positions.length)
}

function writeIdentity(out: CursorWriter, cursor: Omit<MemberCursor, 'topics'>): void {
  out.text(cursor.group)
  out.text(cursor.memberId)
  out.text(cursor.instanceId ?? '')
  out.number(cursor.memberEpoch)
  out.number(cursor.fetchTimeMs)
  out.text(cursor.autoOffsetReset)
  out.number(cursor.maxPollIntervalMs)
  out.number((cursor.heldListed ? HELD_LISTED : 0) | (cursor.subscription === undefined ? 0 : SUBSCRIPTION))
  out.number(cursor.fingerprint)
  out.number(cursor.turn)
  if (cursor.subscription !== undefined) out.number(cursor.subscription)
}

function readIdentity(from: CursorReader): Omit<MemberCursor, 'topics'> {
  const group = from.text()
  const memberId = from.text()
  const instanceId = from.text()
  const memberEpoch = from.number()
  const fetchTimeMs = from.number()
  const autoOffsetReset = from.text()
  const maxPollIntervalMs = from.number()
  const flags = from.number()
  const heldListed = (flags & HELD_LISTED) !== 0
  const fingerprint = from.number()
  const turn = from.number()
  const subscription = (flags & SUBSCRIPTION) === 0 ? {} : { subscription: from.number() }
  const identity = { group, memberId, memberEpoch, fetchTimeMs, autoOffsetReset, maxPollIntervalMs }
  return { ...identity, heldListed, fingerprint, turn, ...subscription, ...(instanceId !== '' && { instanceId }) }
}

function readTopic(from: CursorReader, heldListed: boolean): CursorTopic {
  const topicId = from.raw(TOPIC_ID_BYTES).toString('base64url')
  const revoking = readPartitionSet(from)
  const held = heldListed ? readPartitionSet(from) : []
  const positions: CursorPosition[] = []
  let partition = 0
  for (let count = from.number(); count > 0; count -= 1) {
    partition += from.number()
    positions.push({ partition, offset: from.number() })
  }
  return { topicId, held, revoking, positions }
}

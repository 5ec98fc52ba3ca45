import { DEFAULT_AUTO_OFFSET_RESET, parseAutoOffsetReset } from './auto-offset-reset.ts'
import { BrokerError } from './broker-error.ts'
import type { Clock } from './clock.ts'
import { invalidCursor } from './cursor-bytes.ts'
import type { Engine } from './engine.ts'
import type { OffsetCommit } from './group-coordinator.ts'
import { checkGroupId } from './group-id.ts'
import {
  DEFAULT_MAX_POLL_INTERVAL_MS,
  type LeaveRequest,
  type MemberAnswer,
  type PartitionsOfTopic,
} from './group-membership.ts'
import type { CommitItem, MemberCommits } from './member-commits.ts'
import type { MemberCursor, MemberCursorCodec } from './member-cursor.ts'
import type { MemberFetches } from './member-fetches.ts'
import type { MemberFetchRequest, MemberFetchService, MemberPage, MemberPageSink } from './member-fetch-service.ts'
import { checkMemberId } from './member-id.ts'
import { aheadOf, committedOffsets } from './member-positions.ts'
import {
  heldPositions,
  type MemberStanding,
  type ShownPartitions,
  standingWith,
  stateOf,
  type TopicPositions,
} from './member-state.ts'
import type { SubscriptionStarts } from './subscription-starts.ts'
import type { TopicAutoCreation } from './topic-auto-creation.ts'
import { lookUpTopic } from './topic-lookup.ts'
import { checkTopicName } from './topic-name.ts'
import type { TopicSummary } from './topic-store.ts'

/** Topics that a member may be subscribed to. */
export const SUBSCRIPTION_TOPICS_MAX = 64

export interface MemberJoinRequest {
  readonly group: string
  readonly memberId: string
  /** 1 to 64. */
  readonly topics: readonly string[]
  readonly instanceId?: string | undefined
  readonly assignor?: string | undefined
  readonly maxPollIntervalMs?: number | undefined
  readonly autoOffsetReset?: string | undefined
  /** Default: true, as Kafka's consumers; counts where the server creates topics by itself. */
  readonly allowAutoCreateTopics?: boolean | undefined
  readonly clientId?: string | undefined
  readonly clientHost?: string | undefined
}

export interface JoinedMember extends MemberStanding {
  /** False where the member, or the instance it took over, was there before. */
  readonly created: boolean
  readonly cursor: string
  readonly heartbeatIntervalMs: number
  readonly sessionTimeoutMs: number
}

export interface MemberHeartbeatRequest {
  readonly group: string
  readonly memberId: string
  readonly cursor: string
  /** Partitions the member reads no longer; those that it was not asked to let go of stay with it. */
  readonly released?: readonly ShownPartitions[] | undefined
}

export interface MemberHeartbeat extends MemberStanding {
  readonly cursor: string
}

export interface GroupMemberDependencies {
  readonly engine: Engine
  readonly clock: Clock
  readonly topics: TopicAutoCreation
  readonly memberCursors: MemberCursorCodec
  readonly starts: SubscriptionStarts
  readonly fetchService: MemberFetchService
  readonly commits: MemberCommits
  readonly fetches: MemberFetches
  /** `group.consumer.assignors` */
  readonly assignors: readonly string[]
}

/** Members of consumer groups. All that a member needs from one call to the next is in its cursor. */
export class GroupMemberService {
  readonly #deps: GroupMemberDependencies

  constructor(deps: GroupMemberDependencies) {
    this.#deps = deps
  }

  /** Can be repeated; ends all cursors that the member had. */
  async join(request: MemberJoinRequest): Promise<JoinedMember> {
    const { engine, clock, starts, fetches, memberCursors } = this.#deps
    const { group, memberId, instanceId, assignor, clientId, clientHost } = request
    checkIds(group, memberId)
    if (instanceId !== undefined) checkMemberId(instanceId, 'instance id', '/instanceId')
    const autoOffsetReset = request.autoOffsetReset ?? DEFAULT_AUTO_OFFSET_RESET
    const reset = parseAutoOffsetReset(autoOffsetReset, clock.now(), '/autoOffsetReset')
    checkSubscription(request.topics)
    if (assignor !== undefined) checkAssignor(assignor, this.#deps.assignors)
    const topics = await this.#subscribed(request)
    await starts.store(group, topics, reset)
    const answer = await engine.membership.join({
      group,
      memberId,
      topics: topics.map(({ name }) => name),
      maxPollIntervalMs: request.maxPollIntervalMs ?? DEFAULT_MAX_POLL_INTERVAL_MS,
      ...(instanceId !== undefined && { instanceId }),
      ...(assignor !== undefined && { assignor }),
      ...(clientId !== undefined && { clientId }),
      ...(clientHost !== undefined && { clientHost }),
    })
    fetches.wake(group, memberId)
    const head = { group, memberId, autoOffsetReset, turn: 0, fetchTimeMs: clock.now() }
    const { shown, cursor } = standingWith(answer, { ...head, ...(instanceId !== undefined && { instanceId }) }, [])
    const { created, heartbeatIntervalMs, sessionTimeoutMs } = answer
    return { created, ...shown, cursor: memberCursors.encode(cursor), heartbeatIntervalMs, sessionTimeoutMs }
  }

  /** A page from the cursor's positions; see `MemberFetchService`. */
  async fetch(request: MemberFetchRequest, sink: MemberPageSink, signal?: AbortSignal): Promise<MemberPage> {
    const cursor = this.#cursorOf(request, '?cursor')
    return this.#deps.fetchService.fetch(cursor, request, sink, signal)
  }

  /** Keeps the member alive while it works, and lets partitions go. Positions and fetch time stay as the cursor has them. */
  async heartbeat(request: MemberHeartbeatRequest): Promise<MemberHeartbeat> {
    const { engine, clock, fetches, memberCursors } = this.#deps
    const cursor = this.#cursorOf(request, '/cursor')
    const answer = await engine.membership.heartbeat({
      ...stateOf(cursor),
      fetchAgeMs: Math.max(0, clock.now() - cursor.fetchTimeMs),
      released: this.#byId(request.released ?? []),
    })
    fetches.follow(cursor.group, cursor.memberId, answer.memberEpoch)
    const { shown, cursor: next } = standingWith(answer, cursor, await this.#carried(cursor, answer))
    return { ...shown, cursor: memberCursors.encode(next) }
  }

  /** Commits what the cursor handed out, or the offsets named; see `MemberCommits`. */
  async commit(
    group: string,
    request: { readonly cursor: string; readonly offsets?: readonly OffsetCommit[] | undefined },
  ): Promise<readonly CommitItem[]> {
    const cursor = this.#deps.memberCursors.decode(request.cursor, '/cursor')
    checkOwner(cursor, { group, memberId: cursor.memberId }, '/cursor')
    return this.#deps.commits.commit(cursor, request.offsets)
  }

  /** Resolves also where there is no such member. */
  async leave(request: LeaveRequest): Promise<void> {
    checkIds(request.group, request.memberId)
    await this.#deps.engine.membership.leave(request)
    this.#deps.fetches.wake(request.group, request.memberId)
  }

  async #subscribed({ topics, allowAutoCreateTopics = true }: MemberJoinRequest): Promise<readonly TopicSummary[]> {
    const found: TopicSummary[] = []
    for (const [index, name] of topics.entries()) {
      const pointer = `/topics/${index}`
      if (allowAutoCreateTopics) found.push(await this.#deps.topics.findOrCreate(name, pointer))
      else found.push(await lookUpTopic(this.#deps.engine, name, { pointer }))
    }
    return found
  }

  /** Of topics that are gone there is nothing to let go of. */
  #byId(released: readonly ShownPartitions[]): PartitionsOfTopic[] {
    return released.flatMap(({ topic, partitions }) => {
      const found = this.#deps.engine.topics.find(topic)
      return found === undefined ? [] : [{ topicId: found.topicId, partitions }]
    })
  }

  async #carried(cursor: MemberCursor, answer: MemberAnswer): Promise<readonly TopicPositions[]> {
    const committed = committedOffsets(await this.#deps.engine.groups.committed(cursor.group))
    return aheadOf(committed, heldPositions(cursor, [...answer.assignment, ...answer.revoking]))
  }

  #cursorOf(request: { group: string; memberId: string; cursor: string }, pointer: string): MemberCursor {
    checkIds(request.group, request.memberId)
    const cursor = this.#deps.memberCursors.decode(request.cursor, pointer)
    checkOwner(cursor, request, pointer)
    return cursor
  }
}

function checkIds(group: string, memberId: string): void {
  checkGroupId(group)
  checkMemberId(memberId)
}

function checkOwner(cursor: MemberCursor, owner: { group: string; memberId: string }, pointer: string): void {
  if (cursor.group !== owner.group) {
    throw invalidCursor(`it belongs to another consumer group than "${owner.group}"`, pointer)
  }
  if (cursor.memberId !== owner.memberId) {
    throw invalidCursor(`it belongs to another member than "${owner.memberId}"`, pointer)
  }
}

/** The coordinator decides; a join that it will refuse is to make no topics. */
function checkAssignor(assignor: string, known: readonly string[]): void {
  if (known.includes(assignor)) return
  const detail = `There is no assignor ${JSON.stringify(assignor.slice(0, 64))}; there are: ${known.join(', ')}.`
  throw new BrokerError('UNSUPPORTED_ASSIGNOR', detail, { errors: [{ pointer: '/assignor', detail }] })
}

function checkSubscription(topics: readonly string[]): void {
  const fault =
    topics.length === 0
      ? 'A member has to be subscribed to at least one topic.'
      : topics.length > SUBSCRIPTION_TOPICS_MAX
        ? `A subscription has at most ${SUBSCRIPTION_TOPICS_MAX} topics; these are ${topics.length}.`
        : undefined
  if (fault !== undefined)
    throw new BrokerError('INVALID_REQUEST', fault, { errors: [{ pointer: '/topics', detail: fault }] })
  for (const [index, topic] of topics.entries()) checkTopicName(topic, `/topics/${index}`)
}

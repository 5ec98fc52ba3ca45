import type { Clock } from '../../broker/clock.ts'
import type {
  GroupMembership,
  HeartbeatRequest,
  JoinAnswer,
  JoinRequest,
  LeaveRequest,
  MemberAnswer,
  MemberCommitAnswer,
  MemberCommitRequest,
  MemberIdentity,
  MembershipDescription,
  MemberState,
} from '../../broker/group-membership.ts'
import type { EngineContext } from '../engine-parts.ts'
import { pause } from '../time-limits.ts'
import { classicMembership, consumerMembership } from './described-groups.ts'
import type { ConsumerGroupMember, FullHeartbeat, GroupRequests, HeartbeatResponse } from './group-requests.ts'
import type { GroupTopics } from './group-topics.ts'
import { LEFT_FOR_A_WHILE } from './known-members.ts'
import { MemberCommit } from './member-commit.ts'
import { groupOfClassicMembers, instanceInUse, membershipError } from './member-errors.ts'
import { MemberHeartbeats } from './member-heartbeats.ts'
import { MemberSubscriptions, subscriptionTo } from './member-subscriptions.ts'
import { countOf, union, without } from './partition-sets.ts'
import { SessionTimeouts } from './session-timeouts.ts'
import { WatchedMembers } from './watched-members.ts'

const JOINS = 0
const LEAVES = -1
const FIRST_ASSIGNMENT_DELAYS_MS = [20, 50, 100, 200, 400] as const

/**
 * See `GroupMembership`: members that the cluster keeps. Each call is a heartbeat that says all that the member is, from its
 * cursor, so that it may come twice, and through any gateway; nothing of a member is kept here beyond a call but memory of
 * what the coordinator would tell again.
 */
export class KafkaGroupMembership implements GroupMembership {
  readonly #requests: GroupRequests
  readonly #topics: GroupTopics
  readonly #subscriptions = new MemberSubscriptions()
  readonly #sessions: SessionTimeouts
  readonly #heartbeats: MemberHeartbeats
  readonly #watched: WatchedMembers
  readonly #time: { readonly clock: Clock; readonly stopping: AbortSignal }

  constructor(
    { client, clock }: Pick<EngineContext, 'client' | 'clock'>,
    requests: GroupRequests,
    topics: GroupTopics,
  ) {
    this.#time = { clock, stopping: client.stopping }
    this.#requests = requests
    this.#topics = topics
    this.#sessions = new SessionTimeouts(requests, clock)
    this.#heartbeats = new MemberHeartbeats(requests, topics, this.#subscriptions, this.#sessions)
    this.#watched = new WatchedMembers(clock, (state, keepsAlive) =>
      keepsAlive ? this.#heartbeats.beat(state, []) : this.#heartbeats.look(state, []),
    )
  }

  /**
   * A member that is there already keeps its partitions, and its epoch with them: what it was handed out before still
   * counts, where the embedded coordinator makes it worthless.
   */
  async join(request: JoinRequest): Promise<JoinAnswer> {
    const { group, memberId, instanceId, topics, assignor, maxPollIntervalMs } = request
    const members = await this.#membersBefore(group)
    const isBack = await this.#makeRoom(request, members)
    const subscription = subscriptionTo(topics)
    const sessionTimeoutMs = await this.#sessions.of(group)
    const joining = { group, memberId, memberEpoch: JOINS, instanceId, maxPollIntervalMs, assignor, owned: [] }
    const beat = { ...joining, topics: subscription.topics }
    const first = await this.#requests.heartbeat(beat).catch((error: unknown) => {
      throw membershipError(error, beat)
    })
    this.#subscriptions.remember(group, memberId, subscription)
    const answer = members.length === 0 ? await this.#firstAssignment(beat, first) : first
    const assigned = await this.#topics.assigned(answer.assignment?.topicPartitions ?? [])
    return {
      created: !isBack,
      memberEpoch: answer.memberEpoch,
      assignment: this.#topics.named(assigned),
      revoking: [],
      maxPollIntervalMs,
      heartbeatIntervalMs: answer.heartbeatIntervalMs,
      sessionTimeoutMs,
      subscription: subscription.checksum,
    }
  }

  async heartbeat(request: HeartbeatRequest): Promise<MemberAnswer> {
    const { released = [], fetchAgeMs = 0, maxPollIntervalMs = Infinity } = request
    const state = this.#watched.present(request)
    const answer =
      fetchAgeMs > maxPollIntervalMs
        ? await this.#heartbeats.look(state, released)
        : await this.#heartbeats.beat(state, released)
    this.#watched.answered(request, answer)
    return answer
  }

  async leave({ group, memberId, permanent = false }: LeaveRequest): Promise<void> {
    const members = (await this.#requests.consumerGroup(group))?.members ?? []
    const member = members.find((each) => each.memberId === memberId)
    if (member !== undefined) await this.#leaves(group, member, permanent ? LEAVES : LEFT_FOR_A_WHILE)
  }

  async commit(request: MemberCommitRequest): Promise<readonly MemberCommitAnswer[]> {
    const { released = [] } = request
    const answers = await new MemberCommit(this.#requests, this.#topics, request).store()
    if (countOf(released) === 0) return answers
    // Stored is stored: that the membership is over is told by the next call.
    await this.heartbeat(request).catch((error: unknown) => {
      if (membershipError(error, request) === error) throw error
    })
    return answers
  }

  standing(identity: MemberIdentity, told: MemberAnswer): MemberAnswer {
    const last = this.#watched.last(identity)
    if (last === undefined || last.memberEpoch < told.memberEpoch) return told
    if (last.memberEpoch > told.memberEpoch) return last
    // Another call of the member may have been told of less: what this one knows of is still to be let go of.
    const left = without(union(told.assignment, told.revoking), last.assignment)
    return { ...last, revoking: this.#topics.named(left) }
  }

  onNews(state: MemberState, listener: () => void): () => void {
    return this.#watched.onNews(state, listener)
  }

  holdSession(group: string, memberId: string): () => void {
    return this.#watched.hold({ group, memberId })
  }

  async describe(group: string): Promise<MembershipDescription | undefined> {
    const found = await this.#requests.consumerGroup(group)
    if (found !== undefined) return consumerMembership(found)
    const classic = await this.#requests.classicGroup(group)
    return classic === undefined || classic.protocolType === '' ? undefined : classicMembership(classic, this.#topics)
  }

  close(): void {
    this.#watched.close()
  }

  /** A group of classic members is not joined, for Kafka would convert it. */
  async #membersBefore(group: string): Promise<readonly ConsumerGroupMember[]> {
    const found = await this.#requests.consumerGroup(group)
    if (found === undefined && (await this.#requests.hasClassicMembers(group))) throw groupOfClassicMembers(group)
    return found?.members ?? []
  }

  /** Kafka assigns a moment after the first member has joined: worth a moment here, and not a page without partitions. */
  async #firstAssignment(beat: FullHeartbeat, first: HeartbeatResponse): Promise<HeartbeatResponse> {
    const { clock, stopping } = this.#time
    let answer = first
    for (const delayMs of FIRST_ASSIGNMENT_DELAYS_MS) {
      if ((answer.assignment?.topicPartitions.length ?? 0) > 0) break
      await pause(delayMs, clock, stopping)
      answer = await this.#requests.heartbeat({ ...beat, memberEpoch: answer.memberEpoch })
    }
    return answer
  }

  /** Whoever has the instance id leaves for a while first; resolves with whether the member, or its instance, was there. */
  async #makeRoom(
    { group, memberId, instanceId }: JoinRequest,
    members: readonly ConsumerGroupMember[],
  ): Promise<boolean> {
    const member = members.find((each) => each.memberId === memberId)
    const holder = instanceId === undefined ? undefined : members.find((each) => each.instanceId === instanceId)
    if (
      instanceId !== undefined &&
      member !== undefined &&
      holder !== undefined &&
      member.memberId !== holder.memberId
    ) {
      throw instanceInUse(instanceId, memberId)
    }
    if (holder !== undefined) {
      if (holder.memberEpoch !== LEFT_FOR_A_WHILE) await this.#leaves(group, holder, LEFT_FOR_A_WHILE)
    } else if (member !== undefined && (instanceId ?? null) !== member.instanceId) {
      await this.#leaves(group, member, LEAVES)
    }
    return member !== undefined || holder !== undefined
  }

  async #leaves(group: string, { memberId, instanceId }: ConsumerGroupMember, memberEpoch: number): Promise<void> {
    const isStatic = instanceId !== null && instanceId !== undefined
    const leaving = {
      group,
      memberId,
      memberEpoch: isStatic ? memberEpoch : LEAVES,
      ...(isStatic && { instanceId }),
      maxPollIntervalMs: 0,
      topics: null,
      owned: null,
    }
    await this.#requests.heartbeat(leaving).catch((error: unknown) => {
      if (membershipError(error, { group, memberId, memberEpoch }) === error) throw error
    })
  }
}

import { BrokerError } from '../../broker/broker-error.ts'
import {
  DEFAULT_MAX_POLL_INTERVAL_MS,
  type MemberAnswer,
  type MemberState,
  type PartitionsOfTopic,
} from '../../broker/group-membership.ts'
import type { ConsumerGroupMember, GroupRequests } from './group-requests.ts'
import type { GroupTopics } from './group-topics.ts'
import { memberIn } from './known-members.ts'
import { fencedEpoch, membershipError } from './member-errors.ts'
import { type MemberSubscriptions, type Subscription, subscriptionTo } from './member-subscriptions.ts'
import { common, countOf, union, without } from './partition-sets.ts'
import type { SessionTimeouts } from './session-timeouts.ts'

const DEFAULT_HEARTBEAT_INTERVAL_MS = 5000

/** What is told to the coordinator with each heartbeat. */
interface Told {
  readonly subscription: Subscription
  readonly owned: readonly PartitionsOfTopic[]
}

/** What members that have joined say of themselves, from their cursors, and what the coordinator answers. */
export class MemberHeartbeats {
  readonly #requests: GroupRequests
  readonly #topics: GroupTopics
  readonly #subscriptions: MemberSubscriptions
  readonly #sessions: SessionTimeouts

  constructor(
    requests: GroupRequests,
    topics: GroupTopics,
    subscriptions: MemberSubscriptions,
    sessions: SessionTimeouts,
  ) {
    this.#requests = requests
    this.#topics = topics
    this.#subscriptions = subscriptions
    this.#sessions = sessions
  }

  /** Keeps the member alive; without the partitions that it has let go of. Rejects with a BrokerError. */
  async beat(state: MemberState, released: readonly PartitionsOfTopic[]): Promise<MemberAnswer> {
    const { told, described } = await this.#told(state, released)
    try {
      return await this.#send(state, told)
    } catch (error) {
      const narrower = await this.#narrower(state, told, error, described)
      if (narrower === undefined) throw membershipError(error, state)
      return this.#send(state, narrower).catch((again: unknown) => {
        throw membershipError(again, state)
      })
    }
  }

  async #send(state: MemberState, { subscription, owned }: Told): Promise<MemberAnswer> {
    const { group, memberId, memberEpoch, instanceId, maxPollIntervalMs = DEFAULT_MAX_POLL_INTERVAL_MS } = state
    const { topics, checksum } = subscription
    const beat = { group, memberId, memberEpoch, instanceId, maxPollIntervalMs, topics, owned }
    const answer = await this.#requests.heartbeat(beat)
    const assigned = answer.assignment === null ? owned : await this.#topics.assigned(answer.assignment.topicPartitions)
    return {
      memberEpoch: answer.memberEpoch,
      assignment: this.#topics.named(assigned),
      revoking: this.#topics.named(without(owned, assigned)),
      maxPollIntervalMs,
      heartbeatIntervalMs: answer.heartbeatIntervalMs,
      sessionTimeoutMs: this.#sessions.known(group),
      subscription: checksum,
    }
  }

  /** As the coordinator describes it, which keeps nothing alive. */
  async look(state: MemberState, released: readonly PartitionsOfTopic[]): Promise<MemberAnswer> {
    const { group, memberEpoch, maxPollIntervalMs = DEFAULT_MAX_POLL_INTERVAL_MS } = state
    const member = memberIn(await this.#requests.consumerGroup(group), state)
    if (member.memberEpoch !== memberEpoch) throw fencedEpoch(state)
    const owned = union(state.announced ?? [], this.#topics.ids(member.assignment.topicPartitions))
    const assigned = common(owned, this.#topics.ids(member.targetAssignment.topicPartitions))
    return {
      memberEpoch,
      assignment: this.#topics.named(assigned),
      revoking: this.#topics.named(without(without(owned, assigned), released)),
      maxPollIntervalMs,
      heartbeatIntervalMs: DEFAULT_HEARTBEAT_INTERVAL_MS,
      sessionTimeoutMs: this.#sessions.known(group),
      subscription: subscriptionTo(member.subscribedTopicNames).checksum,
    }
  }

  /** What a cursor had no room for is what the coordinator says. */
  async #told(
    state: MemberState,
    released: readonly PartitionsOfTopic[],
  ): Promise<{ told: Told; described?: ConsumerGroupMember }> {
    const { group, memberId, held, announced = [], subscription: checksum } = state
    const known = checksum === undefined ? undefined : this.#subscriptions.find(group, memberId, checksum)
    if (known !== undefined && held !== undefined) {
      return { told: { subscription: known, owned: without(union(held, announced), released) } }
    }
    const described = memberIn(await this.#requests.consumerGroup(group), state)
    const subscription = subscriptionTo(described.subscribedTopicNames)
    // It has joined again since, for other topics.
    if (checksum !== undefined && checksum !== subscription.checksum) throw fencedEpoch(state)
    this.#subscriptions.remember(group, memberId, subscription)
    const owned = held ?? this.#topics.ids(described.assignment.topicPartitions)
    return { told: { subscription, owned: without(union(owned, announced), released) }, described }
  }

  /**
   * A member whose reply was lost comes with the epoch before, and may own less by now: Kafka takes it when it says so.
   * Undefined where that is not the matter.
   */
  async #narrower(
    state: MemberState,
    told: Told,
    error: unknown,
    described: ConsumerGroupMember | undefined,
  ): Promise<Told | undefined> {
    if (!(error instanceof BrokerError) || error.code !== 'FENCED_MEMBER_EPOCH') return undefined
    const member = described ?? memberIn(await this.#requests.consumerGroup(state.group), state)
    const owned = common(told.owned, this.#topics.ids(member.assignment.topicPartitions))
    return countOf(owned) === countOf(told.owned) ? undefined : { ...told, owned }
  }
}

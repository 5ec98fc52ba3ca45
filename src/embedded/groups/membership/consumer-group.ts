import { BrokerError } from '../../../broker/broker-error.ts'
import type { MemberAnswer, MemberIdentity, MembershipDescription } from '../../../broker/group-membership.ts'
import type { GroupRecord } from './group-record.ts'
import {
  type GroupState,
  LEFT_STATIC_MEMBER_EPOCH,
  type Member,
  NEW_GROUP,
  stateNameOf,
  targetOf,
} from './group-state.ts'
import { answerTo, describeMember } from './member-answer.ts'
import { MemberDeadlines } from './member-deadlines.ts'
import { currentMember } from './member-fencing.ts'
import { MembershipChange, type MembershipContext } from './membership-change.ts'
import { preferredAssignor } from './preferred-assignor.ts'
import { hasNews } from './reconciliation.ts'

/**
 * One consumer group: what is durable of it, and when its members are due. It does no IO and reads no clock; whoever drives
 * it does so in steps, one at a time:
 *
 * ```
 * change = group.begin()      change.join(…) change.heartbeat(…) change.commit(…) …      change.settle()
 * write change.records()      then group.adopt(change, now), answer, wake change.news()
 *                             or   group.abandon(change, now) where the write failed: nothing of it happened
 * ```
 * and calls `due` at `nextCheck`. Until `adopt`, everybody else sees the state before.
 */
export class ConsumerGroup {
  readonly #context: MembershipContext
  readonly #deadlines = new MemberDeadlines()
  #state: GroupState

  /** @param state as records told; all sessions begin at `now`, and so does the time to let partitions go */
  constructor(context: MembershipContext, now: number, state: GroupState = NEW_GROUP) {
    this.#context = context
    this.#state = state
    for (const member of state.members.values()) {
      this.#deadlines.setSession(member.memberId, now + context.settings.sessionTimeoutMs)
      this.#followRebalance(undefined, member, now)
    }
  }

  get state(): GroupState {
    return this.#state
  }

  /** When to call `due`; Infinity = when something else has happened. */
  get nextCheck(): number {
    return this.#deadlines.nextCheck
  }

  /** See `GroupMembership.standing`. */
  standing(identity: MemberIdentity): MemberAnswer {
    return answerTo(currentMember(this.#members(), identity), this.#context.settings, this.#context.topics)
  }

  /** Whether a heartbeat of this member would bring something new at this moment; also where there is no such member. */
  hasNews(memberId: string): boolean {
    const { members, owners, assignmentEpoch } = this.#state
    const member = members.get(memberId)
    if (member === undefined) return true
    return hasNews(member.current, {
      target: targetOf(this.#state, memberId),
      targetEpoch: assignmentEpoch,
      isFree: (topicId, partition) => owners.get(topicId)?.[partition] === undefined,
      topicExists: (topicId) => this.#context.topics.byId(topicId) !== undefined,
    })
  }

  begin(): MembershipChange {
    return new MembershipChange(this.#state, this.#context)
  }

  /** Takes over what a step decided. Its records must be durable, and no other step have been adopted since it began. */
  adopt(change: MembershipChange, now: number): void {
    const { before, after } = change
    this.#state = after
    this.#prolong(change, now)
    for (const memberId of change.touched) {
      const member = after.members.get(memberId)
      if (member === undefined) {
        this.#deadlines.remove(memberId)
        continue
      }
      this.#followRebalance(before.members.get(memberId), member, now)
      if (change.hasJoined(memberId) || member.current.epoch === LEFT_STATIC_MEMBER_EPOCH) {
        this.#deadlines.endHolds(memberId)
      }
    }
  }

  /** Of a step that could not be written only this stays: those who called were alive. */
  abandon(change: MembershipChange, now: number): void {
    this.#prolong(change, now)
  }

  /**
   * Members to be removed with `MembershipChange.expire`. If that cannot be written they stay, and are due at once: wait a
   * little before the next try.
   */
  due(now: number): string[] {
    return this.#deadlines.due(now)
  }

  /** While any hold is open the member's session does not end. Returns how to let go. */
  holdSession(memberId: string): (now: number) => void {
    const hold = this.#deadlines.hold(memberId)
    return (now) => this.#deadlines.release(memberId, hold, now + this.#context.settings.sessionTimeoutMs)
  }

  /** The tombstones that end a group without members; the object is of no use once they are written. */
  deletion(): GroupRecord[] {
    const { members, groupEpoch } = this.#state
    if (members.size > 0) {
      throw new BrokerError(
        'NON_EMPTY_GROUP',
        `Group "${this.#context.group}" has ${members.size} members: let them leave, or wait until their sessions end.`,
      )
    }
    if (groupEpoch === 0) return []
    return [
      { kind: 'target-epoch', value: null },
      { kind: 'group', value: null },
    ]
  }

  describe(): MembershipDescription {
    const { group, settings, topics } = this.#context
    const state = this.#state
    const members = [...state.members.values()].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
    return {
      group,
      state: stateNameOf(state),
      groupEpoch: state.groupEpoch,
      assignmentEpoch: state.assignmentEpoch,
      assignor: preferredAssignor(members, settings.assignors),
      members: members.map((member) => describeMember(member, targetOf(state, member.memberId), topics)),
    }
  }

  #members() {
    const { members, instances } = this.#state
    return { members, memberOfInstance: (instanceId: string) => members.get(instances.get(instanceId) ?? '') }
  }

  #prolong(change: MembershipChange, now: number): void {
    const deadline = now + this.#context.settings.sessionTimeoutMs
    for (const memberId of change.alive) {
      if (this.#state.members.has(memberId)) this.#deadlines.setSession(memberId, deadline)
    }
  }

  /** The time to let go runs from the announcement; letting go of a part does not prolong it. */
  #followRebalance(before: Member | undefined, { memberId, metadata, current }: Member, now: number): void {
    if (current.revoking.size === 0) this.#deadlines.setRebalance(memberId, Infinity)
    else if (before?.current.epoch !== current.epoch || before.current.revoking.size === 0) {
      this.#deadlines.setRebalance(memberId, now + metadata.rebalanceTimeoutMs)
    }
  }
}

import { BrokerError } from '../../../broker/broker-error.ts'
import type {
  HeartbeatRequest,
  JoinAnswer,
  JoinRequest,
  LeaveRequest,
  MemberAnswer,
  PartitionsOfTopic,
} from '../../../broker/group-membership.ts'
import { assignors } from '../assignors/assignor-names.ts'
import { mayCommit } from './commit-rule.ts'
import { GroupDraft } from './group-draft.ts'
import type { GroupRecord } from './group-record.ts'
import type { GroupSettings } from './group-settings.ts'
import { type GroupState, LEFT_STATIC_MEMBER_EPOCH, type Member, type MemberMetadata, targetOf } from './group-state.ts'
import { filterHoldings, NO_HOLDINGS } from './holdings.ts'
import { answerTo } from './member-answer.ts'
import { callingMember, currentMember, goneMember } from './member-fencing.ts'
import { preferredAssignor } from './preferred-assignor.ts'
import { hasNews, joined, NOTHING_OWNED, reconcile, type ReconciliationContext } from './reconciliation.ts'
import { hashOfTopics, subscribedTopics } from './subscriptions.ts'
import { makeTargets } from './target-assignment.ts'
import type { TopicLookup } from './topic-lookup.ts'

export interface MembershipContext {
  readonly group: string
  readonly settings: GroupSettings
  readonly topics: TopicLookup
  /**
   * Where the epochs of a new group begin: behind those of any group of this id that was deleted, so that no cursor of its
   * members counts again. Default: 1.
   */
  readonly firstEpoch?: number
}

/**
 * One step of a group: any number of calls, decided in the order they are made, each seeing those before it. Then
 * `settle` makes the targets anew if need be (once for all calls: a hundred members that join together cost one
 * assignment) and moves those who called on towards them; only then there are answers and records. What a call throws is
 * its answer, and it has then changed nothing.
 */
export class MembershipChange {
  readonly before: GroupState
  readonly #context: MembershipContext
  readonly #draft: GroupDraft
  /** Joined in this step, and whether they are new. */
  readonly #joining = new Map<string, boolean>()
  /** Called in this step, and the epochs they showed. */
  readonly #calling = new Map<string, number>()
  readonly #alive = new Set<string>()
  #groupChanged = false
  #partitionsFreed = false
  #after: GroupState | undefined

  constructor(before: GroupState, context: MembershipContext) {
    this.before = before
    this.#context = context
    this.#draft = new GroupDraft(before)
  }

  /** See `GroupMembership.join`. */
  join(request: JoinRequest): void {
    const { memberId, instanceId, assignor } = request
    if (assignor !== undefined && !this.#context.settings.assignors.includes(assignor))
      throw this.#unsupported(assignor)
    const known = this.#draft.members.get(memberId)
    const holder = instanceId === undefined ? undefined : this.#draft.memberOfInstance(instanceId)
    if (holder !== undefined && holder.memberId !== memberId) {
      if (known !== undefined) throw unreleasedInstance(request, holder)
      this.#takeOver(holder.memberId, memberId)
    } else if (known === undefined && this.#draft.members.size >= this.#context.settings.maxSize) throw this.#full()
    this.#draft.putMetadata(memberId, metadataOf(request), NOTHING_OWNED)
    this.#joining.set(memberId, known === undefined && holder === undefined)
    this.#calling.delete(memberId)
    this.#alive.add(memberId)
    this.#groupChanged = true
  }

  /** See `GroupMembership.heartbeat`. */
  heartbeat(request: HeartbeatRequest): void {
    const member = currentMember(this.#draft, request)
    this.#keepAlive(member, request)
    this.#release(member, request)
    this.#calling.set(member.memberId, request.memberEpoch)
  }

  /**
   * Says for each partition whether its offset counts, and lets go of what the request releases; see
   * `GroupMembership.commit`. The member's assignment does not move: a commit has no answer that could tell of it.
   */
  commit(
    request: HeartbeatRequest,
    partitions: readonly { readonly topicId: string; readonly partition: number }[],
  ): boolean[] {
    const member = callingMember(this.#draft, request)
    const { current } = member
    if (request.memberEpoch >= current.previousEpoch) this.#keepAlive(member, request)
    const counts = partitions.map(({ topicId, partition }) =>
      mayCommit(current, request.memberEpoch, topicId, partition),
    )
    this.#release(member, request)
    return counts
  }

  /** See `GroupMembership.leave`. */
  leave({ memberId, permanent }: LeaveRequest): void {
    const member = this.#draft.members.get(memberId)
    if (member === undefined) return
    if (member.metadata.instanceId === null || permanent === true) {
      this.#remove(memberId)
      return
    }
    if (member.current.epoch === LEFT_STATIC_MEMBER_EPOCH) return
    if (this.#joining.has(memberId)) this.#settleJoin(memberId)
    const { current } = this.#draft.members.get(memberId)!
    this.#draft.putCurrent(memberId, { ...current, epoch: LEFT_STATIC_MEMBER_EPOCH, revoking: NO_HOLDINGS })
    this.#calling.delete(memberId)
    this.#alive.delete(memberId)
    this.#partitionsFreed = true
  }

  /** Removes members whose time has run out. */
  expire(memberIds: readonly string[]): void {
    for (const memberId of memberIds) if (this.#draft.members.has(memberId)) this.#remove(memberId)
  }

  /** To be called when a topic that the group is subscribed to appeared, was deleted or got more partitions. */
  topicsChanged(): void {
    const topics = subscribedTopics(this.#draft.members.values(), this.#context.topics)
    if (hashOfTopics(topics) !== this.#draft.metadataHash) this.#groupChanged = true
  }

  /** Ends the step. */
  settle(): void {
    const draft = this.#draft
    if (this.#groupChanged || draft.groupEpoch > draft.assignmentEpoch) this.#assign()
    for (const memberId of this.#joining.keys()) this.#settleJoin(memberId)
    for (const [memberId, shownEpoch] of this.#calling) {
      const member = draft.members.get(memberId)
      if (member === undefined) continue
      const moved = reconcile(member.current, { ...this.#reconciliation(memberId), shownEpoch })
      if (moved !== member.current) draft.putCurrent(memberId, moved)
    }
    this.#after = draft.build()
  }

  /** The state that comes when the records are durable. The state before, if nothing is to be written. */
  get after(): GroupState {
    return this.#after ?? this.before
  }

  /** To be written in one piece, in this order. */
  records(): GroupRecord[] {
    return this.#draft.records()
  }

  /** As many members as there are after the calls made so far. */
  get memberCount(): number {
    return this.#draft.members.size
  }

  /** Members whose sessions this step prolongs. */
  get alive(): ReadonlySet<string> {
    return this.#alive
  }

  /** Members that this step made, changed or removed. */
  get touched(): ReadonlySet<string> {
    return this.#draft.touched
  }

  /** Throws where a later call of the step has ended the membership. */
  answer(memberId: string, instanceId?: string): MemberAnswer {
    const member = this.after.members.get(memberId)
    if (member === undefined) throw goneMember(this.#draft, { group: this.#context.group, memberId }, instanceId)
    return answerTo(member, this.#context.settings, this.#context.topics)
  }

  joinAnswer(memberId: string, instanceId?: string): JoinAnswer {
    return { ...this.answer(memberId, instanceId), created: this.#joining.get(memberId) ?? false }
  }

  hasJoined(memberId: string): boolean {
    return this.#joining.has(memberId)
  }

  /** Members for which the next heartbeat brings something new, or that are gone; without those that called just now. */
  news(): string[] {
    const { before, after } = this
    const news = [...before.members.keys()].filter((memberId) => !after.members.has(memberId))
    if (after.assignmentEpoch === before.assignmentEpoch && !this.#partitionsFreed) return news
    for (const { memberId, current } of after.members.values()) {
      if (this.#calling.has(memberId) || this.#joining.has(memberId)) continue
      if (hasNews(current, this.#reconciliation(memberId))) news.push(memberId)
    }
    return news
  }

  #assign(): void {
    const draft = this.#draft
    const topics = subscribedTopics(draft.members.values(), this.#context.topics)
    if (this.#groupChanged) draft.raiseGroupEpoch(hashOfTopics(topics), this.#context.firstEpoch ?? 1)
    const assign = assignors.get(preferredAssignor(draft.members.values(), this.#context.settings.assignors))!
    for (const [memberId, target] of makeTargets(draft, topics, assign)) draft.putTarget(memberId, target)
    draft.settleTargets()
    this.#groupChanged = false
  }

  #settleJoin(memberId: string): void {
    if (this.#draft.members.get(memberId)?.current !== NOTHING_OWNED) return
    if (this.#groupChanged) this.#assign()
    this.#draft.putCurrent(memberId, joined(this.#reconciliation(memberId)))
  }

  #reconciliation(memberId: string): Omit<ReconciliationContext, 'shownEpoch'> {
    const draft = this.#draft
    return {
      target: targetOf(draft, memberId),
      targetEpoch: draft.assignmentEpoch,
      isFree: (topicId: string, partition: number) => draft.ownerOf(topicId, partition) === undefined,
      topicExists: (topicId: string) => this.#context.topics.byId(topicId) !== undefined,
    }
  }

  /** The new member inherits what the old one was to own: the assignor then has no reason to move it. */
  #takeOver(oldMemberId: string, newMemberId: string): void {
    const target = targetOf(this.#draft, oldMemberId)
    this.#remove(oldMemberId)
    this.#draft.putTarget(newMemberId, target)
  }

  #remove(memberId: string): void {
    this.#draft.remove(memberId)
    this.#joining.delete(memberId)
    this.#calling.delete(memberId)
    this.#alive.delete(memberId)
    this.#groupChanged = true
    this.#partitionsFreed = true
  }

  #keepAlive({ memberId, metadata }: Member, { fetchAgeMs = 0 }: HeartbeatRequest): void {
    if (fetchAgeMs <= metadata.rebalanceTimeoutMs) this.#alive.add(memberId)
  }

  #release({ memberId, current }: Member, { released = [], memberEpoch }: HeartbeatRequest): void {
    if (released.length === 0 || current.revoking.size === 0) return
    const named = partitionSets(released)
    const revoking = filterHoldings(
      current.revoking,
      (topicId, partition, sinceEpoch) => sinceEpoch > memberEpoch || named.get(topicId)?.has(partition) !== true,
    )
    if (revoking === current.revoking) return
    this.#draft.putCurrent(memberId, { ...current, revoking })
    this.#partitionsFreed = true
  }

  #unsupported(assignor: string): BrokerError {
    const names = this.#context.settings.assignors.join(', ')
    return new BrokerError(
      'UNSUPPORTED_ASSIGNOR',
      `There is no assignor ${JSON.stringify(assignor)}; there are: ${names}.`,
    )
  }

  #full(): BrokerError {
    const { group, settings } = this.#context
    const detail = `Group "${group}" has ${settings.maxSize} members, as many as group.consumer.max.size allows.`
    return new BrokerError('GROUP_MAX_SIZE_REACHED', detail)
  }
}

function metadataOf(request: JoinRequest): MemberMetadata {
  return {
    instanceId: request.instanceId ?? null,
    clientId: request.clientId ?? '',
    clientHost: request.clientHost ?? '',
    topics: [...new Set(request.topics)].sort(),
    rebalanceTimeoutMs: request.maxPollIntervalMs,
    assignor: request.assignor ?? null,
  }
}

function partitionSets(named: readonly PartitionsOfTopic[]): Map<string, Set<number>> {
  const sets = new Map<string, Set<number>>()
  for (const { topicId, partitions } of named) {
    sets.set(topicId, new Set([...(sets.get(topicId) ?? []), ...partitions]))
  }
  return sets
}

function unreleasedInstance({ group, memberId, instanceId }: JoinRequest, holder: Member): BrokerError {
  return new BrokerError(
    'UNRELEASED_INSTANCE_ID',
    `The instance id "${instanceId}" belongs to member "${holder.memberId}" of group "${group}", and "${memberId}" is ` +
      'another member: let one of the two leave first, or join under a member id that is not in use.',
  )
}

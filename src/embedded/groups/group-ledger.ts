import type { Clock } from '../../broker/clock.ts'
import type { EncodedBatch } from '../../broker/append-request.ts'
import type { Logger } from '../../broker/logger.ts'
import { GroupChecks } from './group-checks.ts'
import type { OffsetsLog } from './group-coordinator-options.ts'
import { groupPartition } from './group-partition.ts'
import { GroupQueues } from './group-queues.ts'
import { GroupStep } from './group-step.ts'
import { GroupSubscriptions } from './group-subscriptions.ts'
import { MemberListeners } from './member-listeners.ts'
import { ConsumerGroup } from './membership/consumer-group.ts'
import type { GroupSettings } from './membership/group-settings.ts'
import type { GroupState, Member } from './membership/group-state.ts'
import { OffsetTable } from './offset-table.ts'
import type { OffsetsTopic } from './offsets-topic.ts'
import { StagedOffsets } from './staged-offsets.ts'
import type { TopicDirectory } from './topic-directory.ts'
import { WorkTurns } from './work-turns.ts'

/** A check that could not be written is tried again after so long. */
const CHECK_RETRY_MS = 1000
/** Epochs are 32-bit integers: a new group's first one leaves room for as many again. */
const FIRST_EPOCH_SPAN = 2 ** 30
/** Groups that follow a change of a topic at the same time. */
const CONCURRENT_CHECKS = 64

export interface GroupLedgerOptions {
  readonly log: OffsetsLog
  readonly offsetsTopic: OffsetsTopic
  readonly topics: TopicDirectory
  readonly settings: GroupSettings
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Members and committed offsets of all groups as they are durable, and the one way to change them: in steps, a group's
 * one behind the other, each written in one append before it counts. Groups are looked at by themselves when a session or
 * the time to let partitions go may have ended, and when a topic changed that they are subscribed to.
 */
export class GroupLedger {
  readonly offsets = new OffsetTable()
  readonly #options: GroupLedgerOptions
  /** All that ever had members and were not deleted. */
  readonly #groups = new Map<string, ConsumerGroup>()
  readonly #subscriptions = new GroupSubscriptions()
  readonly #listeners = new MemberListeners()
  readonly #queues: GroupQueues<GroupStep>
  readonly #checks: GroupChecks
  #topicChanges = 0
  /** No group that was deleted ever had a higher epoch. */
  #epochFloor = 0
  #closed = false

  constructor(options: GroupLedgerOptions) {
    this.#options = options
    this.#queues = new GroupQueues<GroupStep>({
      begin: (group) => this.#begin(group),
      finish: (step) => this.#finish(step),
    })
    this.#checks = new GroupChecks(options.clock, (group) => void this.#check(group))
  }

  /** Undefined where no group of this id ever had members. */
  membership(group: string): ConsumerGroup | undefined {
    return this.#groups.get(group)
  }

  /** The groups that ever had members, in no order. */
  memberships(): ReadonlyMap<string, ConsumerGroup> {
    return this.#groups
  }

  /** See `GroupQueues.submit`. */
  submit<Result>(group: string, decide: (step: GroupStep) => () => Result): Promise<Result> {
    return this.#queues.submit(group, decide)
  }

  /** See `GroupQueues.submitAlone`. */
  submitAlone<Result>(group: string, decide: (step: GroupStep) => () => Result): Promise<Result> {
    return this.#queues.submitAlone(group, decide)
  }

  /**
   * Takes over what was read back, before anything else is done here; sessions begin. Then `checkAll` is to be called.
   *
   * @param recordCount how many records all partitions ever held; no epoch is higher, since whatever raises one writes more than one
   */
  async restore(states: Iterable<readonly [group: string, state: GroupState]>, recordCount: number): Promise<void> {
    this.#epochFloor = recordCount
    const turns = new WorkTurns(this.#options.clock)
    for (const [group, state] of states) {
      const consumerGroup = this.#make(group, state)
      this.#groups.set(group, consumerGroup)
      this.#subscriptions.set(group, subscribedNames(state.members.values()))
      this.#checks.atLatest(group, consumerGroup.nextCheck)
      while (turns.isOver) await turns.next()
    }
  }

  /** Lets every group with members see the topics there are: they may have changed before what was read back was written. */
  checkAll(): Promise<void> {
    return this.#checkEach([...this.#groups.keys()])
  }

  /** Lets the groups subscribed to the topic follow; never rejects. */
  topicChanged(topic: string): Promise<void> {
    this.#topicChanges++
    return this.#checkEach(this.#subscriptions.groupsOf(topic))
  }

  /** See `GroupMembership.onNews`. News that are there already are told soon. */
  onNews(group: string, memberId: string, listener: () => void): () => void {
    const stop = this.#listeners.add(group, memberId, listener)
    if (this.#groups.get(group)?.hasNews(memberId) !== false) {
      queueMicrotask(() => this.#listeners.wake(group, [memberId]))
    }
    return stop
  }

  /** See `GroupMembership.holdSession`. */
  holdSession(group: string, memberId: string): () => void {
    const consumerGroup = this.#groups.get(group)
    if (consumerGroup === undefined) return () => undefined
    const release = consumerGroup.holdSession(memberId)
    return () => {
      release(this.#options.clock.monotonic())
      if (this.#groups.get(group) === consumerGroup) this.#checks.atLatest(group, consumerGroup.nextCheck)
    }
  }

  /** Wakes who waits, and resolves when what is under way has ended. Nothing more must be submitted. */
  async close(): Promise<void> {
    this.#closed = true
    this.#checks.close()
    this.#listeners.wakeAll()
    await this.#queues.idle()
  }

  #make(group: string, state?: GroupState): ConsumerGroup {
    const { settings, topics, clock } = this.#options
    const firstEpoch = 1 + (this.#epochFloor % FIRST_EPOCH_SPAN)
    return new ConsumerGroup({ group, settings, topics, firstEpoch }, clock.monotonic(), state)
  }

  #begin(group: string): GroupStep {
    const offsets = new StagedOffsets(this.offsets, group)
    return new GroupStep(offsets, this.#groups.get(group), () => this.#make(group), this.#topicChanges)
  }

  async #finish(step: GroupStep): Promise<void> {
    const { clock } = this.#options
    try {
      const batches = step.settle(clock.now())
      if (batches.length > 0) await this.#write(step.group, batches)
    } catch (error) {
      const { consumerGroup, change } = step
      if (change !== undefined) consumerGroup?.abandon(change, clock.monotonic())
      throw error
    }
    this.#adopt(step)
  }

  async #write(group: string, batches: readonly EncodedBatch[]): Promise<void> {
    const { log, offsetsTopic } = this.#options
    const topic = await offsetsTopic.ensure()
    const partition = groupPartition(group, topic.partitionCount)
    const result = await log.append({ topic: topic.name, parts: [{ partition, batches }], acks: 'all' })
    const error = result.parts[0]?.error
    if (error !== undefined) throw error
  }

  #adopt(step: GroupStep): void {
    const { group, consumerGroup, change } = step
    step.offsets.apply()
    if (step.deletesMembership) this.#forget(group)
    if (consumerGroup === undefined || change === undefined) return
    consumerGroup.adopt(change, this.#options.clock.monotonic())
    const { before, after } = change
    if (after.groupEpoch === 0) return
    this.#groups.set(group, consumerGroup)
    // Whatever changes a subscription raises the group's epoch.
    if (after.groupEpoch !== before.groupEpoch) {
      this.#subscriptions.set(group, subscribedNames(after.members.values()))
      // A topic may have changed while the group was not known to be subscribed to it.
      if (step.topicChanges !== this.#topicChanges) void this.#check(group)
    }
    this.#checks.atLatest(group, consumerGroup.nextCheck)
    // Most heartbeats: nobody else has to be looked at.
    if (after === before) return
    const joinedAgain = [...change.touched].filter((memberId) => change.hasJoined(memberId))
    this.#listeners.wake(group, [...change.news(), ...joinedAgain])
  }

  #forget(group: string): void {
    this.#epochFloor = Math.max(this.#epochFloor, this.#groups.get(group)?.state.groupEpoch ?? 0)
    this.#groups.delete(group)
    this.#subscriptions.set(group, new Set())
    this.#checks.cancel(group)
  }

  /** Never rejects. */
  async #check(group: string): Promise<void> {
    const { clock, logger } = this.#options
    try {
      await this.#queues.submit(group, (step) => {
        const { consumerGroup } = step
        if (consumerGroup === undefined) return () => undefined
        const { members } = step
        members.topicsChanged()
        // Who calls in this very step is alive; if its time to let partitions go is over, the next check sees to it.
        const due = consumerGroup.due(clock.monotonic())
        members.expire(due.filter((memberId) => !members.alive.has(memberId)))
        return () => this.#checks.allow(group)
      })
    } catch (error) {
      logger.warn({ group, err: error }, 'a change of a group could not be written; it is tried again')
      this.#checks.postpone(group, clock.monotonic() + CHECK_RETRY_MS)
    }
  }

  async #checkEach(groups: readonly string[]): Promise<void> {
    const turns = new WorkTurns(this.#options.clock)
    const rest = groups.values()
    const work = async (): Promise<void> => {
      for (const group of rest) {
        if (this.#closed) return
        await this.#check(group)
        while (turns.isOver) await turns.next()
      }
    }
    await Promise.all(Array.from({ length: Math.min(CONCURRENT_CHECKS, groups.length) }, work))
  }
}

function subscribedNames(members: Iterable<Member>): ReadonlySet<string> {
  const names = new Set<string>()
  for (const { metadata } of members) for (const topic of metadata.topics) names.add(topic)
  return names
}

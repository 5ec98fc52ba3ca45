import type { Clock } from '../../broker/clock.ts'
import { BrokerError } from '../../broker/broker-error.ts'
import type { Trouble } from '../../broker/engine.ts'
import type {
  CommitMode,
  CommittedOffset,
  GroupCoordinator,
  GroupSummary,
  OffsetCommit,
  OffsetCommitAnswer,
} from '../../broker/group-coordinator.ts'
import type { GroupMembership } from '../../broker/group-membership.ts'
import type { Logger } from '../../broker/logger.ts'
import { CoordinatorAvailability } from './coordinator-availability.ts'
import { EmbeddedGroupMembership } from './embedded-group-membership.ts'
import type { GroupCoordinatorOptions } from './group-coordinator-options.ts'
import { GroupLedger } from './group-ledger.ts'
import { GroupReplays } from './group-replays.ts'
import { stateNameOf } from './membership/group-state.ts'
import { OffsetStaging } from './offset-staging.ts'
import { OffsetsExpiry } from './offsets-expiry.ts'
import { OffsetsLoader } from './offsets-loader.ts'
import { OffsetsTopic } from './offsets-topic.ts'
import { TopicDirectory } from './topic-directory.ts'

/** Groups whose offsets of a deleted topic are forgotten at the same time. */
const CONCURRENT_TOMBSTONES = 64

/**
 * Consumer groups on this machine: members and committed offsets, kept in memory, written to `__consumer_offsets` before
 * they count, and read back from there at start. Offsets belong to a topic id: those of a topic deleted since are hidden,
 * and written off when the engine tells of the deletion.
 */
export class EmbeddedGroupCoordinator implements GroupCoordinator {
  readonly membership: GroupMembership
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #offsetsTopic: OffsetsTopic
  readonly #topics: TopicDirectory
  readonly #ledger: GroupLedger
  readonly #staging: OffsetStaging
  readonly #availability: CoordinatorAvailability
  readonly #replays = new GroupReplays()
  readonly #loader: OffsetsLoader
  readonly #expiry: OffsetsExpiry | undefined
  #loaded: Promise<void> | undefined

  constructor(options: GroupCoordinatorOptions) {
    const { log, topics, clock, logger, limits, expiry } = options
    this.#clock = clock
    this.#logger = logger
    this.#offsetsTopic = new OffsetsTopic(topics, limits)
    this.#topics = new TopicDirectory(topics)
    this.#staging = new OffsetStaging(topics, clock, limits.offsetMetadataBytesMax)
    this.#availability = new CoordinatorAvailability(() => this.#offsetsTopic.find())
    this.#ledger = new GroupLedger({
      log,
      offsetsTopic: this.#offsetsTopic,
      topics: this.#topics,
      settings: limits.members,
      clock,
      logger,
    })
    this.#loader = new OffsetsLoader({ log, table: this.#ledger.offsets, replays: this.#replays, clock, logger })
    this.#expiry =
      expiry &&
      new OffsetsExpiry({
        ...expiry,
        ledger: this.#ledger,
        staging: this.#staging,
        isServed: (group) => this.#availability.serves(group),
        clock,
        logger,
      })
    this.membership = new EmbeddedGroupMembership(this.#ledger, this.#staging, this.#availability)
  }

  /**
   * Reads back what was written before; never rejects. To be started when the engine can read, and not to be waited for:
   * until it is through, every other call is refused with COORDINATOR_LOAD_IN_PROGRESS.
   */
  load(): Promise<void> {
    this.#loaded ??= this.#load()
    return this.#loaded
  }

  troubles(): readonly Trouble[] {
    return this.#availability.troubles(this.#ledger.offsets.size)
  }

  async commit(
    group: string,
    offsets: readonly OffsetCommit[],
    mode: CommitMode,
  ): Promise<readonly OffsetCommitAnswer[]> {
    this.#availability.check(group)
    await this.#offsetsTopic.ensure()
    return this.#ledger.submit(group, (step) => {
      if (mode === 'advance') step.checkNoMembers('only they commit, each with its cursor')
      if (mode === 'set') step.checkNoMembers('offsets can be set when all have left or their sessions have ended')
      const answers = offsets.map((offset) => this.#staging.stage(step.offsets, offset, mode))
      return () => answers
    })
  }

  async committed(group: string): Promise<readonly CommittedOffset[]> {
    this.#availability.check(group)
    const visible = [...this.#ledger.offsets.rows(group)].filter((row) => this.#staging.isLive(row))
    return visible.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
  }

  async forget(group: string, topics?: readonly string[]): Promise<number> {
    this.#availability.check(group)
    return this.#ledger.submit(group, (step) => {
      step.checkNoMembers('offsets can be forgotten when all have left or their sessions have ended')
      const count = this.#staging.stageRemoval(
        step.offsets,
        (row) => topics === undefined || topics.includes(row.topic),
      )
      return () => count
    })
  }

  async list(): Promise<readonly GroupSummary[]> {
    this.#availability.check()
    const groups = new Set(this.#ledger.memberships().keys())
    for (const group of this.#ledger.offsets.groups()) if (this.#hasOffsets(group)) groups.add(group)
    return [...groups].sort().map((group) => this.#summary(group))
  }

  async find(group: string): Promise<GroupSummary | undefined> {
    this.#availability.check(group)
    return this.#exists(group) ? this.#summary(group) : undefined
  }

  async delete(group: string): Promise<void> {
    this.#availability.check(group)
    await this.#ledger.submitAlone(group, (step) => {
      step.checkNoMembers('let them leave, or wait until their sessions end')
      if (!this.#exists(group)) throw unknownGroup(group)
      this.#staging.stageRemoval(step.offsets, () => true)
      step.deleteMembership()
      return () => undefined
    })
  }

  /** A topic was made, or has more partitions: groups that are subscribed to it follow. Never rejects. */
  async topicChanged(topic: string): Promise<void> {
    this.#topics.see(topic)
    // Before the groups are there, there is nobody to follow; they look at all topics when they come.
    if (this.#availability.isReady) await this.#ledger.topicChanged(topic)
  }

  /**
   * Writes off what was committed for a topic that is gone; never rejects. Readers stopped seeing it when the topic
   * left the topic store, so nobody needs to wait for this.
   */
  async topicDeleted(topic: string, topicId: string): Promise<void> {
    this.#topics.forget(topicId)
    await this.load()
    if (!this.#availability.isReady) return
    await this.#ledger.topicChanged(topic)
    try {
      await this.#forgetTopic(topicId)
    } catch (error) {
      this.#logger.warn({ topic, topicId, err: error }, 'committed offsets of a deleted topic stay in the log, hidden')
    }
  }

  /** Refuses further calls, and resolves when what is under way has ended. To be called while the log still takes appends. */
  async close(): Promise<void> {
    this.#availability.close()
    this.#loader.stop()
    await this.#loaded
    await this.#expiry?.close()
    await this.#ledger.close()
  }

  async #load(): Promise<void> {
    const began = this.#clock.monotonic()
    try {
      this.#topics.seeAll()
      const topic = this.#offsetsTopic.find()
      const report = topic === undefined ? undefined : await this.#loader.load(topic)
      const { unavailable, damage, recordCount } = report ?? { unavailable: new Set(), damage: [], recordCount: 0 }
      await this.#ledger.restore(this.#replays.states(unavailable, topic?.partitionCount ?? 1), recordCount)
      this.#availability.loaded({ unavailable, damage })
      const tookMs = Math.round(this.#clock.monotonic() - began)
      const counts = { offsets: this.#ledger.offsets.size, groups: this.#ledger.memberships().size }
      this.#logger.info({ ...counts, tookMs }, 'consumer groups and committed offsets read back')
    } catch (error) {
      this.#availability.failed()
      this.#logger.error({ err: error }, 'committed offsets could not be read back')
    }
    if (!this.#availability.isReady) return
    this.#expiry?.start()
    void this.#ledger.checkAll()
  }

  async #forgetTopic(topicId: string): Promise<void> {
    const groups = this.#ledger.offsets.groupsOfTopic(topicId).values()
    const work = async (): Promise<void> => {
      for (const group of groups) {
        if (!this.#availability.isReady) return
        await this.#ledger.submit(group, (step) => {
          this.#staging.stageRemoval(step.offsets, (row) => row.topicId === topicId)
          return () => undefined
        })
      }
    }
    await Promise.all(Array.from({ length: CONCURRENT_TOMBSTONES }, work))
  }

  #summary(group: string): GroupSummary {
    const state = this.#ledger.membership(group)?.state
    return {
      group,
      state: state === undefined ? 'Empty' : stateNameOf(state),
      type: 'consumer',
      memberCount: state?.members.size ?? 0,
    }
  }

  #exists(group: string): boolean {
    return this.#ledger.membership(group) !== undefined || this.#hasOffsets(group)
  }

  #hasOffsets(group: string): boolean {
    for (const row of this.#ledger.offsets.rows(group)) if (this.#staging.isLive(row)) return true
    return false
  }
}

function unknownGroup(group: string): BrokerError {
  return new BrokerError('GROUP_ID_NOT_FOUND', `There is no consumer group ${JSON.stringify(group)}.`)
}

import { BrokerError } from '../../broker/broker-error.ts'
import type { Clock } from '../../broker/clock.ts'
import type { Trouble } from '../../broker/engine.ts'
import type {
  CommittedOffset,
  GroupCoordinator,
  GroupSummary,
  OffsetCommit,
  OffsetCommitAnswer,
} from '../../broker/group-coordinator.ts'
import type { Logger } from '../../broker/logger.ts'
import type { TopicStore, TopicSummary } from '../../broker/topic-store.ts'
import type { GroupCoordinatorOptions, GroupLimits, OffsetsLog } from './group-coordinator-options.ts'
import { groupPartition } from './group-partition.ts'
import { GroupQueues } from './group-queues.ts'
import { encodeOffsetWrites } from './offset-batches.ts'
import { type OffsetRow, OffsetTable } from './offset-table.ts'
import { type LoadReport, OffsetsLoader } from './offsets-loader.ts'
import { OFFSETS_TOPIC, OffsetsTopic } from './offsets-topic.ts'
import type { OffsetWrite, StagedOffsets } from './staged-offsets.ts'

const NOTHING_AMISS: LoadReport = { unavailable: new Set(), damage: [] }
/** Groups whose offsets of a deleted topic are forgotten at the same time. */
const CONCURRENT_TOMBSTONES = 64

/**
 * Committed offsets on this machine: kept in memory, written to `__consumer_offsets` before they count, and read back
 * from there at start. Offsets belong to a topic id: those of a topic deleted since are hidden, and written off when the
 * engine tells of the deletion.
 */
export class EmbeddedGroupCoordinator implements GroupCoordinator {
  readonly #log: OffsetsLog
  readonly #topics: TopicStore
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #limits: GroupLimits
  readonly #offsetsTopic: OffsetsTopic
  readonly #table = new OffsetTable()
  readonly #queues: GroupQueues
  readonly #loader: OffsetsLoader
  #state: 'loading' | 'ready' | 'failed' | 'closed' = 'loading'
  #report = NOTHING_AMISS
  #loaded: Promise<void> | undefined

  constructor(options: GroupCoordinatorOptions) {
    const { log, topics, clock, logger, limits } = options
    this.#log = log
    this.#topics = topics
    this.#clock = clock
    this.#logger = logger
    this.#limits = limits
    this.#offsetsTopic = new OffsetsTopic(topics, limits)
    this.#queues = new GroupQueues(this.#table, (group, writes) => this.#write(group, writes))
    this.#loader = new OffsetsLoader({ log, table: this.#table, clock, logger })
  }

  /**
   * Reads back what was committed before; never rejects. To be started when the engine can read, and not to be waited
   * for: until it is through, every other call is refused with COORDINATOR_LOAD_IN_PROGRESS.
   */
  load(): Promise<void> {
    this.#loaded ??= this.#load()
    return this.#loaded
  }

  troubles(): readonly Trouble[] {
    const { unavailable, damage } = this.#report
    const troubles: Trouble[] = damage.map((detail) => ({ kind: 'committed-offsets-damaged', detail, notReady: false }))
    if (this.#state === 'loading') {
      const detail = `Committed offsets are being read back: ${this.#table.size} so far`
      troubles.push({ kind: 'coordinator-loading', detail, notReady: true })
    }
    if (this.#state === 'failed' || unavailable.size > 0) {
      const which = this.#state === 'failed' ? 'All' : `Partitions ${[...unavailable].join(', ')}`
      const detail = `${which} of ${OFFSETS_TOPIC} could not be read: their groups are unavailable until a restart`
      troubles.push({ kind: 'coordinator-unavailable', detail, notReady: false })
    }
    return troubles
  }

  async commit(
    group: string,
    offsets: readonly OffsetCommit[],
    mode: 'advance' | 'set',
  ): Promise<readonly OffsetCommitAnswer[]> {
    this.#checkServing(group)
    await this.#offsetsTopic.ensure()
    return this.#queues.submit(group, (staged) => offsets.map((offset) => this.#stageCommit(staged, offset, mode)))
  }

  committed(group: string): readonly CommittedOffset[] {
    this.#checkServing(group)
    const visible = [...this.#table.rows(group)].filter((row) => this.#isLive(row))
    return visible.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
  }

  async forget(group: string, topics?: readonly string[]): Promise<number> {
    this.#checkServing(group)
    return this.#queues.submit(group, (staged) =>
      this.#stageRemoval(staged, (row) => topics === undefined || topics.includes(row.topic)),
    )
  }

  list(): readonly GroupSummary[] {
    this.#checkServing()
    const groups = [...this.#table.groups()].filter((group) => this.#exists(group))
    return groups.sort().map((group) => summaryOf(group))
  }

  find(group: string): GroupSummary | undefined {
    this.#checkServing(group)
    return this.#exists(group) ? summaryOf(group) : undefined
  }

  async delete(group: string): Promise<void> {
    this.#checkServing(group)
    await this.#queues.submit(group, (staged) => {
      if (!staged.rows().some((row) => this.#isLive(row))) throw unknownGroup(group)
      this.#stageRemoval(staged, () => true)
    })
  }

  /**
   * Writes off what was committed for a topic that is gone; never rejects. Readers stopped seeing it when the topic
   * left the topic store, so nobody needs to wait for this.
   */
  async topicDeleted(topic: string, topicId: string): Promise<void> {
    await this.load()
    const groups = this.#table.groupsOfTopic(topicId).values()
    const work = async (): Promise<void> => {
      for (const group of groups) {
        if (this.#state !== 'ready') return
        await this.#queues.submit(group, (staged) => this.#stageRemoval(staged, (row) => row.topicId === topicId))
      }
    }
    try {
      await Promise.all(Array.from({ length: CONCURRENT_TOMBSTONES }, work))
    } catch (error) {
      this.#logger.warn({ topic, topicId, err: error }, 'committed offsets of a deleted topic stay in the log, hidden')
    }
  }

  /** Refuses further calls, and resolves when what is under way has ended. To be called while the log still takes appends. */
  async close(): Promise<void> {
    this.#state = 'closed'
    this.#loader.stop()
    await this.#loaded
    await this.#queues.idle()
  }

  async #load(): Promise<void> {
    const began = this.#clock.monotonic()
    try {
      const topic = this.#offsetsTopic.find()
      if (topic !== undefined) this.#report = await this.#loader.load(topic)
      if (this.#state === 'loading') this.#state = 'ready'
      const tookMs = Math.round(this.#clock.monotonic() - began)
      this.#logger.info({ offsets: this.#table.size, tookMs }, 'committed offsets read back')
    } catch (error) {
      if (this.#state === 'loading') this.#state = 'failed'
      this.#logger.error({ err: error }, 'committed offsets could not be read back')
    }
  }

  /** @param group absent where the call is about all groups */
  #checkServing(group?: string): void {
    if (this.#state === 'closed') throw new BrokerError('SERVER_STOPPING', 'The server is stopping; try another time.')
    if (this.#state === 'loading') {
      throw new BrokerError(
        'COORDINATOR_LOAD_IN_PROGRESS',
        'Committed offsets are still being read back after the start; try again in a second.',
        { retryAfterSeconds: 1 },
      )
    }
    if (this.#state === 'failed' || (group !== undefined && this.#isUnavailable(group))) {
      throw new BrokerError(
        'COORDINATOR_NOT_AVAILABLE',
        'The committed offsets could not be read when the server started; /health/ready and the log say why.',
        { retryAfterSeconds: 30 },
      )
    }
  }

  #isUnavailable(group: string): boolean {
    const { unavailable } = this.#report
    const topic = this.#offsetsTopic.find()
    return unavailable.size > 0 && topic !== undefined && unavailable.has(groupPartition(group, topic.partitionCount))
  }

  #stageCommit(staged: StagedOffsets, offset: OffsetCommit, mode: 'advance' | 'set'): OffsetCommitAnswer {
    const { topic, partition, metadata = '' } = offset
    const live = this.#topics.find(topic)
    const present = staged.get(topic, partition)
    const standing = present !== undefined && present.topicId === live?.topicId ? present.nextOffset : -1
    const error = this.#refusal(offset, live)
    if (error !== undefined || live === undefined) {
      return { topic, partition, nextOffset: standing, ...(error === undefined ? {} : { error }) }
    }
    if (mode === 'advance' && standing >= offset.nextOffset) return { topic, partition, nextOffset: standing }
    staged.put({
      topic,
      topicId: live.topicId,
      partition,
      nextOffset: offset.nextOffset,
      metadata,
      commitTimestamp: this.#clock.now(),
    })
    return { topic, partition, nextOffset: offset.nextOffset }
  }

  #refusal({ topic, partition, metadata = '' }: OffsetCommit, live: TopicSummary | undefined): BrokerError | undefined {
    if (live === undefined) {
      return new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic ${JSON.stringify(topic)}.`)
    }
    if (partition >= live.partitionCount) {
      const range = `its partitions are 0 to ${live.partitionCount - 1}`
      return new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `Topic ${topic} has no partition ${partition}: ${range}.`)
    }
    const limit = this.#limits.offsetMetadataBytesMax
    if (metadata.length > limit) {
      return new BrokerError(
        'OFFSET_METADATA_TOO_LARGE',
        `The metadata has ${metadata.length} characters; offset.metadata.max.bytes allows ${limit}.`,
      )
    }
    return undefined
  }

  /** Returns how many offsets that readers can see it stages to be forgotten. */
  #stageRemoval(staged: StagedOffsets, concerned: (row: OffsetRow) => boolean): number {
    let count = 0
    for (const row of staged.rows()) {
      if (!concerned(row)) continue
      if (this.#isLive(row)) count++
      staged.remove(row.topic, row.partition)
    }
    return count
  }

  async #write(group: string, writes: readonly OffsetWrite[]): Promise<void> {
    const topic = await this.#offsetsTopic.ensure()
    const partition = groupPartition(group, topic.partitionCount)
    const batches = encodeOffsetWrites(group, writes, this.#clock.now())
    const result = await this.#log.append({ topic: topic.name, parts: [{ partition, batches }], acks: 'all' })
    const error = result.parts[0]?.error
    if (error !== undefined) throw error
  }

  #exists(group: string): boolean {
    for (const row of this.#table.rows(group)) if (this.#isLive(row)) return true
    return false
  }

  #isLive(row: OffsetRow): boolean {
    return this.#topics.find(row.topic)?.topicId === row.topicId
  }
}

function summaryOf(group: string): GroupSummary {
  return { group, state: 'Empty', type: 'consumer', memberCount: 0 }
}

function unknownGroup(group: string): BrokerError {
  return new BrokerError('GROUP_ID_NOT_FOUND', `There is no consumer group ${JSON.stringify(group)}.`)
}

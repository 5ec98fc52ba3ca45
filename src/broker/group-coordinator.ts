import type { BrokerError } from './broker-error.ts'
import type { GroupStateName } from './group-membership.ts'

/**
 * Consumer groups and their committed offsets. Every method rejects with COORDINATOR_LOAD_IN_PROGRESS (`retryAfterSeconds`)
 * until what was committed before the start has been read back.
 */
export interface GroupCoordinator {
  /**
   * Stores the next offsets to read. Durable when it resolves.
   * `advance`: an offset at or below the committed one changes nothing. `set`: any offset, also backwards. Both are for
   * groups without members, else they reject with NON_EMPTY_GROUP: members commit through `GroupMembership`.
   * `initial`: where a group begins to read, its members too; changes nothing where an offset is committed.
   * Entries come back in the order given, each with the committed offset as it now stands, or its own error
   * (UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID, OFFSET_METADATA_TOO_LARGE).
   */
  commit(group: string, offsets: readonly OffsetCommit[], mode: CommitMode): Promise<readonly OffsetCommitAnswer[]>
  /** Sorted by topic and partition. An unknown group has none. Offsets of topics deleted since are not among them. */
  committed(group: string): Promise<readonly CommittedOffset[]>
  /**
   * Forgets the offsets of these topics, or of all; resolves with how many partitions were forgotten. Rejects with
   * NON_EMPTY_GROUP.
   */
  forget(group: string, topics?: readonly string[]): Promise<number>
  /**
   * All groups, sorted by id.
   *
   * @param onUntold called with why some are not among them, where others are; without it the list rejects then
   */
  list(onUntold?: (why: BrokerError) => void): Promise<readonly GroupSummary[]>
  find(group: string): Promise<GroupSummary | undefined>
  /** Deletes the group with its offsets. Rejects with GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP. */
  delete(group: string): Promise<void>
}

export type CommitMode = 'advance' | 'set' | 'initial'

export interface OffsetCommit {
  readonly topic: string
  /** If given, a topic of that name with another id is another topic, in which the offset means nothing. */
  readonly topicId?: string
  readonly partition: number
  readonly nextOffset: number
  /** At most `offset.metadata.max.bytes`. */
  readonly metadata?: string
}

export interface OffsetCommitAnswer {
  readonly topic: string
  readonly partition: number
  readonly nextOffset: number
  readonly error?: BrokerError
}

export interface CommittedOffset {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly nextOffset: number
  readonly metadata: string
  /** Unix milliseconds; −1 where the engine does not know it. */
  readonly commitTimestamp: number
}

export interface GroupSummary {
  readonly group: string
  /** A group without members is `Empty`. */
  readonly state: GroupStateName
  /** `consumer`, or `classic`: such a group can be looked at, and nothing else. */
  readonly type: string
  readonly memberCount: number
}

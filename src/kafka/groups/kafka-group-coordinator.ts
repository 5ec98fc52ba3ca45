import { BrokerError } from '../../broker/broker-error.ts'
import type {
  CommitMode,
  CommittedOffset,
  GroupCoordinator,
  GroupSummary,
  OffsetCommit,
  OffsetCommitAnswer,
} from '../../broker/group-coordinator.ts'
import type { ClusterNode } from '../cluster-metadata.ts'
import type { EngineContext } from '../engine-parts.ts'
import { asBrokerError, errorCodeOf, refusal } from '../kafka-errors.ts'
import { withinMs } from '../time-limits.ts'
import { groupState } from './described-groups.ts'
import { type GroupRequests, nobody, type StoredOffset } from './group-requests.ts'
import type { GroupTopics } from './group-topics.ts'
import { groupOfClassicMembers } from './member-errors.ts'

const STORED = 0
const UNKNOWN_MEMBER_ID = 25
const STALE_MEMBER_EPOCH = 113
/** How long a list waits for each node. */
const LIST_LIMIT_MS = 3000
/** The epoch of a member that is asked to commit may move meanwhile. */
const COMMITS_AS_MEMBER_MAX = 3

/**
 * See `GroupCoordinator`: groups that the cluster keeps, their offsets read before they are advanced. The two are not one
 * step: whoever commits between them may be moved back.
 */
export class KafkaGroupCoordinator implements GroupCoordinator {
  readonly #client: EngineContext['client']
  readonly #requests: GroupRequests
  readonly #topics: GroupTopics

  constructor({ client }: Pick<EngineContext, 'client'>, requests: GroupRequests, topics: GroupTopics) {
    this.#client = client
    this.#requests = requests
    this.#topics = topics
  }

  async commit(
    group: string,
    offsets: readonly OffsetCommit[],
    mode: CommitMode,
  ): Promise<readonly OffsetCommitAnswer[]> {
    const committed = mode === 'set' ? new Map<string, number>() : offsetsOf(await this.#requests.committed(group))
    const before = (offset: OffsetCommit): number => committed.get(keyOf(offset)) ?? -1
    const isThere = ({ topic, partition }: OffsetCommit): boolean => this.#topics.idOf(topic, partition) !== undefined
    const isDue = (offset: OffsetCommit): boolean =>
      isThere(offset) &&
      (mode === 'initial' ? before(offset) < 0 : mode === 'set' || offset.nextOffset > before(offset))
    const due = offsets.filter(isDue)
    if (due.length === 0 && mode !== 'initial') await this.#checkNoMembers(group)
    const codes = await this.#stored(group, due, mode)
    return offsets.map((offset): OffsetCommitAnswer => {
      const { topic, partition, nextOffset } = offset
      if (!isThere(offset)) return { topic, partition, nextOffset: -1, error: unknownPartition(offset) }
      const code = codes.get(offset)
      if (code === undefined) return { topic, partition, nextOffset: before(offset) }
      if (code === STORED) return { topic, partition, nextOffset }
      const error = refusal(code, `the offset ${nextOffset} of ${topic}-${partition} for the group "${group}"`)
      return { topic, partition, nextOffset: before(offset), error }
    })
  }

  async committed(group: string): Promise<readonly CommittedOffset[]> {
    const stored = await this.#requests.committed(group)
    // Others make topics, too, and commit for them.
    await this.#topics.knowNames(stored.map(({ topic }) => topic))
    const offsets = stored.flatMap(({ topic, partition, nextOffset, metadata }): CommittedOffset[] => {
      const topicId = this.#topics.idOf(topic, partition)
      return topicId === undefined ? [] : [{ topic, topicId, partition, nextOffset, metadata, commitTimestamp: -1 }]
    })
    return offsets.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
  }

  async forget(group: string, topics?: readonly string[]): Promise<number> {
    await this.#checkNoMembers(group)
    const stored = await this.#requests.committed(group)
    const forgotten = stored.filter(({ topic }) => topics === undefined || topics.includes(topic))
    if (forgotten.length > 0) await this.#requests.forget(group, forgotten)
    if (forgotten.length === stored.length) await this.#deleteIfNothingLeft(group)
    return forgotten.length
  }

  /** A node that does not answer does not hide what the others say. */
  async list(onUntold?: (why: BrokerError) => void): Promise<readonly GroupSummary[]> {
    const nodes = [...this.#client.metadata.nodes.values()]
    const told = await Promise.all(nodes.map((node) => this.#coordinatedBy(node)))
    const silent = told.filter((listed) => listed instanceof BrokerError)
    const [first] = silent
    if (first !== undefined && (onUntold === undefined || silent.length === nodes.length)) throw first
    for (const why of silent) onUntold?.(why)
    const groups = new Map<string, GroupSummary>()
    for (const listed of told) {
      if (listed instanceof BrokerError) continue
      for (const summary of listed) groups.set(summary.group, summary)
    }
    return [...groups.values()].sort((a, b) => (a.group < b.group ? -1 : 1))
  }

  async find(group: string): Promise<GroupSummary | undefined> {
    const found = await this.#requests.consumerGroup(group)
    if (found !== undefined) {
      return { group, state: groupState(found.groupState), type: 'consumer', memberCount: found.members.length }
    }
    const classic = await this.#requests.classicGroup(group)
    if (classic === undefined) return undefined
    return { group, state: groupState(classic.groupState), type: 'classic', memberCount: classic.members.length }
  }

  delete(group: string): Promise<void> {
    return this.#requests.delete(group)
  }

  async #coordinatedBy({ nodeId, host, port }: ClusterNode): Promise<readonly GroupSummary[] | BrokerError> {
    const { clock } = this.#client.options
    try {
      const listed = await withinMs(this.#requests.coordinatedBy(nodeId), LIST_LIMIT_MS, clock)
      return listed.map(({ groupId, groupState: state, groupType, memberCount }) => {
        return { group: groupId, state: groupState(state), type: groupType, memberCount }
      })
    } catch (error) {
      const why = asBrokerError(error, 'to list the groups')
      if (!why.retriable) throw why
      return silentNode(`${nodeId} (${host}:${port})`, why)
    }
  }

  /** Kafka's error numbers of those that were sent. */
  async #stored(
    group: string,
    offsets: readonly OffsetCommit[],
    mode: CommitMode,
  ): Promise<ReadonlyMap<OffsetCommit, number>> {
    let codes = await this.#requests.commit(group, nobody, offsets)
    if (codes.includes(UNKNOWN_MEMBER_ID)) {
      if (mode !== 'initial') throw nonEmpty(group)
      codes = await this.#storedAsMember(group, offsets)
    }
    return new Map(offsets.map((offset, index) => [offset, codes[index] ?? STORED]))
  }

  /**
   * In a group with members only they may commit. Where partitions that nobody has begun with are to be begun is committed
   * in the name of any of them.
   */
  async #storedAsMember(group: string, offsets: readonly OffsetCommit[]): Promise<readonly number[]> {
    for (let attempt = 1; ; attempt++) {
      const members = (await this.#requests.consumerGroup(group))?.members ?? []
      const member = members.find(({ memberEpoch }) => memberEpoch > 0)
      if (member === undefined) throw await this.#withoutCommittingMember(group)
      const { memberId, memberEpoch, instanceId } = member
      const codes = await this.#requests.commit(
        group,
        { memberId, memberEpoch, instanceId: instanceId ?? null },
        offsets,
      )
      const hasMoved = codes.some((code) => code === STALE_MEMBER_EPOCH || code === UNKNOWN_MEMBER_ID)
      if (!hasMoved || attempt === COMMITS_AS_MEMBER_MAX) return codes
    }
  }

  async #withoutCommittingMember(group: string): Promise<BrokerError> {
    return (await this.#requests.hasClassicMembers(group)) ? groupOfClassicMembers(group) : nonEmpty(group)
  }

  async #checkNoMembers(group: string): Promise<void> {
    if (((await this.find(group))?.memberCount ?? 0) > 0) throw nonEmpty(group)
  }

  /** A group that never had members is its offsets. */
  async #deleteIfNothingLeft(group: string): Promise<void> {
    if ((await this.find(group))?.type !== 'classic') return
    await this.#requests.delete(group).catch((error: unknown) => {
      if (!(error instanceof BrokerError) || error.code !== 'GROUP_ID_NOT_FOUND') throw error
    })
  }
}

function offsetsOf(stored: readonly StoredOffset[]): ReadonlyMap<string, number> {
  return new Map(stored.map((offset) => [keyOf(offset), offset.nextOffset]))
}

function keyOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}/${partition}`
}

function unknownPartition({ topic, partition }: OffsetCommit): BrokerError {
  return new BrokerError(errorCodeOf(3), `There is no partition ${partition} of a topic "${topic}".`)
}

function nonEmpty(group: string): BrokerError {
  return new BrokerError(
    'NON_EMPTY_GROUP',
    `The group "${group}" has members: only they commit, each with its cursor, until all have left.`,
  )
}

function silentNode(node: string, why: BrokerError): BrokerError {
  return new BrokerError(
    'COORDINATOR_NOT_AVAILABLE',
    `Node ${node} of the cluster does not tell which groups it keeps, so that they cannot be listed: ${why.message}`,
    { retryAfterSeconds: 1, cause: why },
  )
}

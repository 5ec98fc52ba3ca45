import {
  ConfigResourceTypes,
  consumerGroupDescribeV0,
  consumerGroupHeartbeatV0,
  deleteGroupsV2,
  describeConfigsV4,
  describeGroupsV5,
  listGroupsV5,
  offsetCommitV9,
  offsetDeleteV0,
  offsetFetchV9,
} from '@platformatic/kafka'
import type { PartitionsOfTopic } from '../../broker/group-membership.ts'
import type { ClusterClient } from '../cluster-client.ts'
import { answeredErrors, refusal, withErrorsInIt } from '../kafka-errors.ts'
import { uuidOfTopicId } from '../topic-id.ts'

export type ConsumerGroup = consumerGroupDescribeV0.ConsumerGroupDescribeResponseGroup
export type ConsumerGroupMember = consumerGroupDescribeV0.ConsumerGroupDescribeResponseMember
export type ClassicGroup = describeGroupsV5.DescribeGroupsResponseGroup
export type ListedGroup = listGroupsV5.ListGroupsResponseGroup
export type HeartbeatResponse = consumerGroupHeartbeatV0.ConsumerGroupHeartbeatResponse

/** A heartbeat with all that the member is; `topics` and `owned` null where it only leaves. */
export interface FullHeartbeat {
  readonly group: string
  readonly memberId: string
  readonly memberEpoch: number
  readonly instanceId?: string | undefined
  readonly maxPollIntervalMs: number
  readonly topics: readonly string[] | null
  readonly assignor?: string | undefined
  readonly owned: readonly PartitionsOfTopic[] | null
}

/** Who commits; a group without members has nobody. */
export interface Committer {
  readonly memberId: string
  readonly memberEpoch: number
  readonly instanceId: string | null
}

export interface OffsetToStore {
  readonly topic: string
  readonly partition: number
  readonly nextOffset: number
  readonly metadata?: string | undefined
}

export interface StoredOffset extends OffsetToStore {
  readonly metadata: string
}

export const nobody: Committer = { memberId: '', memberEpoch: -1, instanceId: null }

/** The group lives elsewhere now, or its coordinator is not ready: the call is made again. */
const passing: ReadonlySet<number> = new Set([7, 14, 15, 16, 51])
/** A transaction that is under way may still commit offsets: those of before it are no place to begin at. */
const UNSTABLE_OFFSET_COMMIT = 88
const GROUP_ID_NOT_FOUND = 69
/** UNKNOWN_SERVER_ERROR: what an answer leaves out is not stored for that. */
const NOT_TOLD = -1
/** Groups that are asked for at once. */
const DESCRIBED_TOGETHER = 100

/** Kafka's requests about consumer groups, each at the node that answers it. */
export class GroupRequests {
  readonly #client: ClusterClient

  constructor(client: ClusterClient) {
    this.#client = client
  }

  /** May be done twice: a heartbeat that says everything changes nothing when it comes again. */
  heartbeat(beat: FullHeartbeat): Promise<HeartbeatResponse> {
    const { group, memberId, memberEpoch, instanceId = null, maxPollIntervalMs, assignor = null } = beat
    const topics = beat.topics === null ? null : [...beat.topics]
    const owned = beat.owned?.map(({ topicId, partitions }) => ({
      topicId: uuidOfTopicId(topicId),
      partitions: [...partitions],
    }))
    const doing = `the member "${memberId}" of the group "${group}"`
    return this.#client.toCoordinator(
      'group',
      group,
      (to) =>
        consumerGroupHeartbeatV0.api.async(
          to,
          group,
          memberId,
          memberEpoch,
          instanceId,
          null,
          topics === null ? -1 : maxPollIntervalMs,
          topics,
          null,
          assignor,
          owned ?? null,
        ),
      { doing },
    )
  }

  /** For each offset Kafka's error number, 0 where it is stored. */
  async commit(group: string, by: Committer, offsets: readonly OffsetToStore[]): Promise<readonly number[]> {
    if (offsets.length === 0) return []
    const asked = byTopic(offsets).map(({ topic, entries }) => ({
      name: topic,
      partitions: entries.map(({ partition, nextOffset, metadata = '' }) => ({
        partitionIndex: partition,
        committedOffset: BigInt(nextOffset),
        committedLeaderEpoch: -1,
        committedMetadata: metadata,
      })),
    }))
    const { topics } = await this.#client.toCoordinator(
      'group',
      group,
      (to) => settled(offsetCommitV9.api.async(to, group, by.memberEpoch, by.memberId, by.instanceId, asked)),
      { doing: `offsets of the group "${group}"` },
    )
    const codes = new Map(
      topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex, errorCode }) => [keyOf(name, partitionIndex), errorCode] as const),
      ),
    )
    return offsets.map(({ topic, partition }) => codes.get(keyOf(topic, partition)) ?? NOT_TOLD)
  }

  /** Those that are committed; an unknown group has none. */
  async committed(group: string): Promise<readonly StoredOffset[]> {
    const doing = `to tell the offsets of the group "${group}"`
    const asked = [{ groupId: group, memberId: null, memberEpoch: -1, topics: null }]
    const { groups } = await this.#client.toCoordinator(
      'group',
      group,
      (to) => settled(offsetFetchV9.api.async(to, asked, true), UNSTABLE_OFFSET_COMMIT),
      { doing },
    )
    return groups.flatMap(({ errorCode, topics }) => {
      if (errorCode !== 0) throw refusal(errorCode, doing)
      return topics.flatMap(({ name, partitions }) =>
        partitions.flatMap(({ partitionIndex, committedOffset, metadata, errorCode: code }): StoredOffset[] => {
          if (code !== 0) throw refusal(code, doing)
          if (committedOffset < 0n) return []
          const nextOffset = Number(committedOffset)
          return [{ topic: name, partition: partitionIndex, nextOffset, metadata: metadata ?? '' }]
        }),
      )
    })
  }

  async forget(
    group: string,
    partitions: readonly { readonly topic: string; readonly partition: number }[],
  ): Promise<void> {
    const doing = `to forget offsets of the group "${group}"`
    const asked = byTopic(partitions).map(({ topic, entries }) => ({
      name: topic,
      partitions: entries.map(({ partition }) => ({ partitionIndex: partition })),
    }))
    const { errorCode, topics } = await this.#client.toCoordinator(
      'group',
      group,
      (to) => settled(offsetDeleteV0.api.async(to, group, asked)),
      { doing },
    )
    const failed = [errorCode, ...topics.flatMap((topic) => topic.partitions.map((partition) => partition.errorCode))]
    for (const code of failed) if (code !== 0) throw refusal(code, doing)
  }

  async delete(group: string): Promise<void> {
    const doing = `to delete the group "${group}"`
    await this.#client.toCoordinator('group', group, (to) => deleteGroupsV2.api.async(to, [group]), { doing })
  }

  /** Undefined where there is no group of members by Kafka's newer protocol. */
  async consumerGroup(group: string): Promise<ConsumerGroup | undefined> {
    const doing = `to describe the group "${group}"`
    const { groups } = await this.#client.toCoordinator(
      'group',
      group,
      (to) => settled(consumerGroupDescribeV0.api.async(to, [group], false)),
      { doing },
    )
    const [found] = groups
    if (found === undefined || found.errorCode === GROUP_ID_NOT_FOUND) return undefined
    if (found.errorCode !== 0) throw refusal(found.errorCode, doing, found.errorMessage)
    return found
  }

  /** Undefined where there is none; also a group that has only committed offsets is one. */
  async classicGroup(group: string): Promise<ClassicGroup | undefined> {
    const doing = `to describe the group "${group}"`
    const { groups } = await this.#client.toCoordinator(
      'group',
      group,
      (to) => settled(describeGroupsV5.api.async(to, [group], false)),
      { doing },
    )
    const [found] = groups
    if (found === undefined || found.errorCode === GROUP_ID_NOT_FOUND || found.groupState === 'Dead') return undefined
    if (found.errorCode !== 0) throw refusal(found.errorCode, doing)
    return found
  }

  /** Also while they come to terms with one another. */
  async hasClassicMembers(group: string): Promise<boolean> {
    const found = await this.classicGroup(group)
    return found !== undefined && found.groupState !== 'Empty'
  }

  /** The groups that a node coordinates, with how many members each has. */
  async coordinatedBy(nodeId: number): Promise<readonly (ListedGroup & { readonly memberCount: number })[]> {
    const doing = 'to list the groups'
    const listed = await this.#client.toNode(
      nodeId,
      (to) => settled(listGroupsV5.api.async(to, [], ['consumer', 'classic'])),
      {
        doing,
        lane: 'groups',
      },
    )
    if (listed.errorCode !== 0) throw refusal(listed.errorCode, doing)
    const ours = listed.groups.filter(({ protocolType }) => protocolType === 'consumer' || protocolType === '')
    const counts = new Map<string, number>()
    for (const type of ['consumer', 'classic']) {
      const ids = ours.filter(({ groupType }) => groupType === type).map(({ groupId }) => groupId)
      for (let from = 0; from < ids.length; from += DESCRIBED_TOGETHER) {
        const part = ids.slice(from, from + DESCRIBED_TOGETHER)
        for (const [group, count] of await this.#memberCounts(nodeId, type, part)) counts.set(group, count)
      }
    }
    return ours.map((group) => ({ ...group, memberCount: counts.get(group.groupId) ?? 0 }))
  }

  /** A setting in force for a group; undefined where it cannot be told. */
  async setting(group: string, name: string): Promise<string | undefined> {
    const asked = [{ resourceType: ConfigResourceTypes.GROUP, resourceName: group, configurationKeys: [name] }]
    const { results } = await this.#client.toAny(
      (to) => withErrorsInIt(describeConfigsV4.api.async(to, asked, false, false)),
      { doing: `to tell the settings of the group "${group}"`, timeoutMs: 2000 },
    )
    return results[0]?.configs.find((config) => config.name === name)?.value ?? undefined
  }

  async #memberCounts(nodeId: number, type: string, groups: string[]): Promise<readonly (readonly [string, number])[]> {
    const options = { doing: 'to describe groups', lane: 'groups' } as const
    const answer =
      type === 'consumer'
        ? await this.#client.toNode(
            nodeId,
            (to) => settled(consumerGroupDescribeV0.api.async(to, groups, false)),
            options,
          )
        : await this.#client.toNode(nodeId, (to) => settled(describeGroupsV5.api.async(to, groups, false)), options)
    return answer.groups.map(({ groupId, members }) => [groupId, members.length] as const)
  }
}

/** The answer with the errors in it; rejects where one of them is a reason to make the call again. */
async function settled<T>(call: Promise<T>, alsoPassing?: number): Promise<T> {
  try {
    return await call
  } catch (error) {
    const codes = answeredErrors(error).map(({ kafkaCode }) => kafkaCode)
    if (codes.some((code) => passing.has(code) || code === alsoPassing)) throw error
    return withErrorsInIt<T>(Promise.reject(error))
  }
}

function byTopic<Entry extends { readonly topic: string }>(
  entries: readonly Entry[],
): { readonly topic: string; readonly entries: readonly Entry[] }[] {
  return [...Map.groupBy(entries, ({ topic }) => topic)].map(([topic, ofTopic]) => ({ topic, entries: ofTopic }))
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}

import type {
  AssignedTopic,
  GroupStateName,
  MemberDescription,
  MembershipDescription,
  MemberStateName,
} from '../../broker/group-membership.ts'
import { topicIdOfUuid } from '../topic-id.ts'
import { classicAssignment, classicSubscription } from './classic-member.ts'
import type { ClassicGroup, ConsumerGroup, ConsumerGroupMember } from './group-requests.ts'
import type { GroupTopics } from './group-topics.ts'
import { common, countOf, without } from './partition-sets.ts'

const states: ReadonlySet<string> = new Set<GroupStateName>([
  'Empty',
  'Assigning',
  'Reconciling',
  'Stable',
  'Dead',
  'PreparingRebalance',
  'CompletingRebalance',
])

/** As a broker writes it: some write names in lower case. */
export function groupState(name: string): GroupStateName {
  const found = [...states].find((state) => state.toLowerCase() === name.toLowerCase())
  return isStateName(found) ? found : 'Dead'
}

function isStateName(name: string | undefined): name is GroupStateName {
  return name !== undefined && states.has(name)
}

export function consumerMembership(group: ConsumerGroup): MembershipDescription {
  return {
    group: group.groupId,
    state: groupState(group.groupState),
    groupEpoch: group.groupEpoch,
    assignmentEpoch: group.assignmentEpoch,
    assignor: group.assignorName,
    members: group.members.map(consumerMember).sort(byMemberId),
  }
}

/** A classic group can be looked at; what it does not have is −1 and 0. */
export function classicMembership(group: ClassicGroup, topics: GroupTopics): MembershipDescription {
  return {
    group: group.groupId,
    state: groupState(group.groupState),
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignor: group.protocolData,
    members: group.members
      .map(
        ({ memberId, groupInstanceId, clientId, clientHost, memberMetadata, memberAssignment }): MemberDescription => {
          const assignment = topics.ofNames(classicAssignment(memberAssignment))
          return {
            memberId,
            instanceId: groupInstanceId ?? null,
            clientId,
            clientHost: hostOf(clientHost),
            memberEpoch: -1,
            state: 'Stable',
            topics: classicSubscription(memberMetadata),
            maxPollIntervalMs: null,
            assignment,
            revoking: [],
            target: assignment,
          }
        },
      )
      .sort(byMemberId),
  }
}

function consumerMember(member: ConsumerGroupMember): MemberDescription {
  const owned = describedTopics(member.assignment)
  const target = describedTopics(member.targetAssignment)
  const assigned = withNames(common(owned, target), owned)
  const revoking = withNames(without(owned, target), owned)
  return {
    memberId: member.memberId,
    instanceId: member.instanceId ?? null,
    clientId: member.clientId,
    clientHost: hostOf(member.clientHost),
    memberEpoch: member.memberEpoch,
    state: stateOf(member, countOf(revoking) > 0, countOf(assigned) < countOf(target)),
    topics: member.subscribedTopicNames,
    maxPollIntervalMs: null,
    assignment: assigned,
    revoking,
    target,
  }
}

function stateOf({ memberEpoch }: ConsumerGroupMember, hasRevoking: boolean, isWaiting: boolean): MemberStateName {
  if (memberEpoch < 0) return 'Left'
  if (hasRevoking) return 'UnrevokedPartitions'
  return isWaiting ? 'UnreleasedPartitions' : 'Stable'
}

function describedTopics({ topicPartitions }: ConsumerGroupMember['assignment']): AssignedTopic[] {
  return topicPartitions
    .map(({ topicId, topicName, partitions }) => ({
      topic: topicName,
      topicId: topicIdOfUuid(topicId),
      partitions: [...partitions].sort((a, b) => a - b),
      sinceEpochs: partitions.map(() => 0),
    }))
    .sort((a, b) => (a.topicId < b.topicId ? -1 : 1))
}

function withNames(
  topics: readonly { readonly topicId: string; readonly partitions: readonly number[] }[],
  named: readonly AssignedTopic[],
): AssignedTopic[] {
  const names = new Map(named.map(({ topicId, topic }) => [topicId, topic]))
  return topics.map(({ topicId, partitions }) => ({
    topic: names.get(topicId) ?? '',
    topicId,
    partitions,
    sinceEpochs: partitions.map(() => 0),
  }))
}

/** Brokers write `/127.0.0.1`. */
function hostOf(clientHost: string): string {
  return clientHost.replace(/^\//, '')
}

function byMemberId(a: { readonly memberId: string }, b: { readonly memberId: string }): number {
  return a.memberId < b.memberId ? -1 : 1
}

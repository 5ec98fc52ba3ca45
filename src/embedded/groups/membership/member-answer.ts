import type {
  AssignedTopic,
  MemberAnswer,
  MemberDescription,
  MemberStateName,
  PartitionsOfTopic,
} from '../../../broker/group-membership.ts'
import type { GroupSettings } from './group-settings.ts'
import { LEFT_STATIC_MEMBER_EPOCH, type Member } from './group-state.ts'
import type { Assignment, Holdings } from './holdings.ts'
import type { TopicLookup } from './topic-lookup.ts'

const stateNames = {
  stable: 'Stable',
  unrevoked: 'UnrevokedPartitions',
  unreleased: 'UnreleasedPartitions',
} as const satisfies Record<Member['current']['state'], MemberStateName>

export function answerTo({ current, metadata }: Member, settings: GroupSettings, topics: TopicLookup): MemberAnswer {
  return {
    memberEpoch: current.epoch,
    assignment: assignedTopics(current.assigned, topics),
    revoking: assignedTopics(current.revoking, topics),
    maxPollIntervalMs: metadata.rebalanceTimeoutMs,
    heartbeatIntervalMs: settings.heartbeatIntervalMs,
    sessionTimeoutMs: settings.sessionTimeoutMs,
  }
}

export function describeMember(member: Member, target: Assignment, topics: TopicLookup): MemberDescription {
  const { memberId, metadata, current } = member
  return {
    memberId,
    instanceId: metadata.instanceId,
    clientId: metadata.clientId,
    clientHost: metadata.clientHost,
    memberEpoch: current.epoch,
    state: current.epoch === LEFT_STATIC_MEMBER_EPOCH ? 'Left' : stateNames[current.state],
    topics: metadata.topics,
    maxPollIntervalMs: metadata.rebalanceTimeoutMs,
    assignment: assignedTopics(current.assigned, topics),
    revoking: assignedTopics(current.revoking, topics),
    target: targetTopics(target, topics),
  }
}

/** What belonged to topics that are gone is left out. */
function assignedTopics(holdings: Holdings, topics: TopicLookup): AssignedTopic[] {
  const assigned: AssignedTopic[] = []
  for (const [topicId, partitions] of holdings) {
    const topic = topics.byId(topicId)?.name
    if (topic === undefined) continue
    assigned.push({ topic, topicId, partitions: [...partitions.keys()], sinceEpochs: [...partitions.values()] })
  }
  return assigned
}

function targetTopics(target: Assignment, topics: TopicLookup): (PartitionsOfTopic & { topic: string })[] {
  const named: (PartitionsOfTopic & { topic: string })[] = []
  for (const [topicId, partitions] of target) {
    const topic = topics.byId(topicId)?.name
    if (topic !== undefined) named.push({ topic, topicId, partitions })
  }
  return named
}

import type { EngineContext, GroupPart } from '../engine-parts.ts'
import { GroupRequests } from './group-requests.ts'
import { GroupTopics } from './group-topics.ts'
import { KafkaGroupCoordinator } from './kafka-group-coordinator.ts'
import { KafkaGroupMembership } from './kafka-group-membership.ts'

export function createGroupPart(context: EngineContext): GroupPart {
  const requests = new GroupRequests(context.client)
  const topics = new GroupTopics(context.client)
  const membership = new KafkaGroupMembership(context, requests, topics)
  return {
    groups: new KafkaGroupCoordinator(context, requests, topics),
    membership,
    close: () => {
      membership.close()
      return Promise.resolve()
    },
  }
}

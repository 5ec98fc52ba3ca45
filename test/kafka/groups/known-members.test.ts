import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConsumerGroup, ConsumerGroupMember } from '../../../src/kafka/groups/group-requests.ts'
import { LEFT_FOR_A_WHILE, memberIn } from '../../../src/kafka/groups/known-members.ts'

function memberOf(
  memberId: string,
  more: Partial<Pick<ConsumerGroupMember, 'instanceId' | 'memberEpoch'>> = {},
): ConsumerGroupMember {
  return {
    memberId,
    memberEpoch: 3,
    instanceId: null,
    rackId: null,
    subscribedTopicRegex: null,
    clientId: 'gateway',
    clientHost: '/127.0.0.1',
    subscribedTopicNames: ['orders'],
    assignment: { topicPartitions: [] },
    targetAssignment: { topicPartitions: [] },
    ...more,
  }
}

const heir = memberOf('b', { instanceId: 'one' })
const away = memberOf('c', { instanceId: 'two', memberEpoch: LEFT_FOR_A_WHILE })
const group: ConsumerGroup = {
  errorCode: 0,
  errorMessage: null,
  groupId: 'g',
  groupState: 'Stable',
  groupEpoch: 3,
  assignmentEpoch: 3,
  assignorName: 'uniform',
  members: [heir, away],
  authorizedOperations: 0,
}
const identity = (memberId: string, instanceId?: string) => ({ group: 'g', memberId, memberEpoch: 3, instanceId })

test('a member that is there is found', () => {
  assert.equal(memberIn(group, identity('b', 'one')), heir)
})

test('who is not there was taken over, or is unknown', () => {
  assert.throws(() => memberIn(group, identity('a', 'one')), { code: 'FENCED_INSTANCE_ID' })
  assert.throws(() => memberIn(group, identity('a', 'three')), { code: 'UNKNOWN_MEMBER_ID' })
  assert.throws(() => memberIn(group, identity('a')), { code: 'UNKNOWN_MEMBER_ID' })
  assert.throws(() => memberIn(undefined, identity('b', 'one')), { code: 'UNKNOWN_MEMBER_ID' })
})

test('a static member that left for a while is not there', () => {
  assert.throws(() => memberIn(group, identity('c', 'two')), { code: 'FENCED_MEMBER_EPOCH' })
})

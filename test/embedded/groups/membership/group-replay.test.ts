import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GroupRecord } from '../../../../src/embedded/groups/membership/group-record.ts'
import { GroupReplay } from '../../../../src/embedded/groups/membership/group-replay.ts'
import { ConsumerGroup } from '../../../../src/embedded/groups/membership/consumer-group.ts'
import { NO_HOLDINGS } from '../../../../src/embedded/groups/membership/holdings.ts'
import { FakeTopicLookup } from './fake-topic-lookup.ts'

const settings = { sessionTimeoutMs: 45_000, heartbeatIntervalMs: 5000, maxSize: 10, assignors: ['uniform'] }

function memberRecords(
  memberId: string,
  topicId: string,
  sinceEpoch: number,
  target: readonly number[],
): GroupRecord[] {
  const metadata = { instanceId: null, clientId: '', clientHost: '', topics: ['orders'], assignor: null }
  const assigned = new Map([[topicId, new Map([[0, sinceEpoch]])]])
  return [
    { kind: 'member', memberId, value: { ...metadata, rebalanceTimeoutMs: 60_000 } },
    { kind: 'target', memberId, value: new Map([[topicId, target]]) },
    {
      kind: 'current',
      memberId,
      value: { epoch: 3, previousEpoch: 3, state: 'stable', assigned, revoking: NO_HOLDINGS },
    },
  ]
}

test('where damage left a partition with two owners, one has it, and the other gets it when it is free', () => {
  const topics = new FakeTopicLookup()
  const { topicId } = topics.create('orders', 1)
  const replay = new GroupReplay()
  replay.play({ kind: 'group', value: { epoch: 3, metadataHash: 0 } })
  replay.play({ kind: 'target-epoch', value: { assignmentEpoch: 3 } })
  for (const record of memberRecords('a', topicId, 1, [0])) replay.play(record)
  for (const record of memberRecords('b', topicId, 2, [])) replay.play(record)
  const group = new ConsumerGroup({ group: 'g', settings, topics }, 0, replay.finish())
  const owned = (memberId: string) =>
    group.standing({ group: 'g', memberId, memberEpoch: 3 }).assignment.flatMap(({ partitions }) => partitions)
  assert.deepEqual([owned('a'), owned('b')], [[], [0]])
  assert.equal(group.hasNews('a'), false)

  const change = group.begin()
  change.leave({ group: 'g', memberId: 'b' })
  change.settle()
  group.adopt(change, 0)
  assert.equal(group.hasNews('a'), true)
  const next = group.begin()
  next.heartbeat({ group: 'g', memberId: 'a', memberEpoch: 3 })
  next.settle()
  group.adopt(next, 0)
  assert.deepEqual(
    [next.answer('a').assignment.flatMap(({ partitions }) => partitions), group.hasNews('a')],
    [[0], false],
  )
})

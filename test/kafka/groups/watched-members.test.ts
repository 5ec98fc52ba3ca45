import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import type { MemberAnswer, MemberState } from '../../../src/broker/group-membership.ts'
import { WatchedMembers } from '../../../src/kafka/groups/watched-members.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const state = { group: 'g', memberId: 'a', memberEpoch: 3, held: [{ topicId: 't', partitions: [0, 1] }], announced: [] }

function answer(memberEpoch: number, partitions: readonly number[]): MemberAnswer {
  const assignment = [{ topic: 'orders', topicId: 't', partitions, sinceEpochs: partitions.map(() => 0) }]
  return {
    memberEpoch,
    assignment,
    revoking: [],
    maxPollIntervalMs: 60_000,
    heartbeatIntervalMs: 5000,
    sessionTimeoutMs: 45_000,
  }
}

/** A coordinator that answers what it is told to. */
function setup() {
  const clock = new FakeClock()
  const asked: (Pick<MemberState, 'memberEpoch'> & { readonly keepsAlive: boolean })[] = []
  const coordinator = { next: (): MemberAnswer => answer(3, [0, 1]) }
  const watched = new WatchedMembers(clock, async ({ memberEpoch }, keepsAlive) => {
    asked.push({ memberEpoch, keepsAlive })
    return coordinator.next()
  })
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms)
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
  }
  return { watched, asked, coordinator, pass }
}

test('a member that is waited for is kept alive, less and less often up to its interval', async () => {
  const { watched, asked, pass } = setup()
  const stop = watched.onNews(state, () => assert.fail('nothing is new'))
  const letGo = watched.hold(state)
  for (let second = 0; second < 40; second++) for (let half = 0; half < 2; half++) await pass(500)
  assert.ok(asked.length >= 9 && asked.length <= 12, `asked ${asked.length} times`)
  assert.ok(asked.every(({ keepsAlive }) => keepsAlive))
  stop()
  letGo()
  const before = asked.length
  await pass(60_000)
  assert.equal(asked.length, before, 'nobody waits any more')
})

test('without a hold the member is only looked at', async () => {
  const { watched, asked, pass } = setup()
  watched.onNews(state, () => {})
  await pass(500)
  assert.deepEqual(asked, [{ memberEpoch: 3, keepsAlive: false }])
})

test('what is new is told once, and the epoch moves on with it', async () => {
  const { watched, asked, coordinator, pass } = setup()
  let told = 0
  watched.onNews(state, () => told++)
  coordinator.next = () => answer(4, [0])
  await pass(500)
  assert.equal(told, 1)
  assert.equal(watched.last(state)?.memberEpoch, 4)
  const announced = [{ topicId: 't', partitions: [1] }]
  const held = [{ topicId: 't', partitions: [0] }]
  assert.deepEqual(watched.present({ ...state, held, announced }), { ...state, memberEpoch: 4, held, announced: [] })
  assert.deepEqual(watched.present({ ...state, memberEpoch: 2, announced }), { ...state, memberEpoch: 2, announced })
  await pass(5000)
  assert.deepEqual([told, asked.at(-1)?.memberEpoch], [1, 4])
})

test('the end of a membership is told, and what passes by itself is not', async () => {
  const { watched, coordinator, pass } = setup()
  let told = 0
  watched.onNews(state, () => told++)
  coordinator.next = () => {
    throw new BrokerError('COORDINATOR_NOT_AVAILABLE', 'It moves.')
  }
  await pass(500)
  assert.equal(told, 0)
  coordinator.next = () => {
    throw new BrokerError('UNKNOWN_MEMBER_ID', 'It left.')
  }
  await pass(5000)
  assert.equal(told, 1)
  assert.throws(() => watched.last(state), { code: 'UNKNOWN_MEMBER_ID' })
})

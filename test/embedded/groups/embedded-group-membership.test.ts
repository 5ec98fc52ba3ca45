import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import { brokerError } from '../../support/engine-records.ts'
import { SESSION_MS, MAX_POLL_MS, Server, partitionsOf, settled } from './membership-server.ts'

test('after a restart members go on with their epochs and assignments, and nothing is written', async () => {
  const server = await Server.start()
  const a = await server.join('a')
  const b = await server.join('b', { instanceId: 'one', topics: ['orders', 'later'] })
  const { revoking } = await server.beat('a', a.memberEpoch)
  await server.commit('a', a.memberEpoch, 0, 7)
  const before = await server.groups.membership.describe('g')
  const appends = server.log.appends.length

  await server.restart()
  assert.deepEqual(await server.groups.membership.describe('g'), before)
  assert.equal(server.log.appends.length, appends)
  const again = await server.beat('a', a.memberEpoch)
  assert.deepEqual([again.memberEpoch, again.revoking], [a.memberEpoch, revoking])
  assert.deepEqual(partitionsOf(await server.beat('b', b.memberEpoch)), [])
  await server.beat('a', a.memberEpoch, { released: revoking })
  assert.deepEqual(partitionsOf(await server.beat('b', b.memberEpoch)), [2, 3])
  assert.deepEqual(
    (await server.groups.committed('g')).map(({ partition, nextOffset }) => [partition, nextOffset]),
    [[0, 7]],
  )
})

test('topics that changed while the server was down reach the members at its start', async () => {
  const server = await Server.start(2)
  const { memberEpoch } = await server.join('a')
  await server.engine.addPartitions('orders', 3)
  await server.restart()
  assert.deepEqual(partitionsOf(await server.beat('a', memberEpoch)), [0, 1, 2])
})

test('a group that was deleted does not come back', async () => {
  const server = await Server.start()
  await server.join('a')
  await server.groups.membership.leave({ group: 'g', memberId: 'a' })
  await server.groups.delete('g')
  await server.restart()
  assert.deepEqual([await server.groups.list(), await server.groups.membership.describe('g')], [[], undefined])
})

for (const how of ['at once', 'after a restart']) {
  test(`a group that was deleted and is made again ${how} takes nothing for its own that members of the old one have`, async () => {
    const server = await Server.start()
    await server.join('a')
    const old = await server.join('a')
    await server.groups.membership.leave({ group: 'g', memberId: 'a' })
    await server.groups.delete('g')
    if (how === 'after a restart') await server.restart()
    await server.join('a')
    const { memberEpoch } = await server.join('a')
    assert.ok(memberEpoch > old.memberEpoch, `${memberEpoch} after ${old.memberEpoch}`)
    await assert.rejects(server.beat('a', old.memberEpoch), brokerError('FENCED_MEMBER_EPOCH'))
    const [late] = await server.commit('a', old.memberEpoch, 0, 7)
    assert.equal(late?.errorCode, 'STALE_MEMBER_EPOCH')
    assert.deepEqual(await server.groups.committed('g'), [])
  })
}

test('of those that take over an instance id at the same time the last one has it, and the others are told', async () => {
  const server = await Server.start()
  const a = await server.join('a', { instanceId: 'i' })
  server.log.hold = true
  const other = server.join('other')
  await settled()
  const beat = server.beat('a', a.memberEpoch, { instanceId: 'i' })
  const calls = ['b', 'c', 'd'].map((memberId) => server.join(memberId, { instanceId: 'i' }))
  const all = Promise.allSettled([beat, ...calls])
  await settled()
  server.log.release()
  await other
  const outcomes = (await all).map((call) => {
    if (call.status === 'fulfilled') return 'joined'
    return call.reason instanceof BrokerError ? call.reason.code : call.reason
  })
  assert.deepEqual(outcomes, ['FENCED_INSTANCE_ID', 'FENCED_INSTANCE_ID', 'FENCED_INSTANCE_ID', 'joined'])
})

test('commit and release go into one append, together with what others did meanwhile', async () => {
  const server = await Server.start()
  const a = await server.join('a')
  const b = await server.join('b')
  await server.beat('a', a.memberEpoch)
  server.log.hold = true
  const first = server.beat('a', a.memberEpoch, { released: [{ topicId: server.topicId, partitions: [2] }] })
  await settled()
  const appends = server.log.appends.length
  const commit = server.commit('a', a.memberEpoch, 3, 9, [3])
  const beat = server.beat('b', b.memberEpoch)
  const join = server.join('c')
  server.log.release()
  assert.deepEqual(partitionsOf(await first), [0, 1])
  assert.equal((await commit)[0]?.nextOffset, 9)
  await Promise.all([beat, join])
  assert.equal(server.log.appends.length, appends + 1)
})

test('nobody sees a step before it is durable', async () => {
  const server = await Server.start()
  await server.join('a')
  server.log.hold = true
  const join = server.join('b')
  await settled()
  assert.deepEqual(await server.memberIds(), ['a'])
  assert.equal((await server.groups.find('g'))?.memberCount, 1)
  server.log.release()
  await join
  assert.deepEqual(await server.memberIds(), ['a', 'b'])
})

test('a silent member is gone when its session ends, and its partitions go to the others', async () => {
  const server = await Server.start()
  const a = await server.join('a')
  await server.advance(30_000)
  const b = await server.join('b')
  await server.advance(SESSION_MS - 30_000 - 1)
  assert.deepEqual(await server.memberIds(), ['a', 'b'])
  let told = false
  server.groups.membership.onNews({ group: 'g', memberId: 'b', memberEpoch: 1 }, () => (told = true))
  await server.advance(1)
  assert.deepEqual([await server.memberIds(), told], [['b'], true])
  await assert.rejects(server.beat('a', a.memberEpoch), brokerError('UNKNOWN_MEMBER_ID'))
  assert.deepEqual(partitionsOf(await server.beat('b', b.memberEpoch)), [0, 1, 2, 3])
})

test('heartbeats, commits and waiting requests keep a member, and so does a restart', async () => {
  const server = await Server.start()
  const { memberEpoch } = await server.join('a')
  await server.advance(30_000)
  await server.beat('a', memberEpoch)
  await server.advance(30_000)
  await server.commit('a', memberEpoch, 0, 1)
  const release = server.groups.membership.holdSession('g', 'a')
  await server.advance(10 * SESSION_MS)
  assert.deepEqual(await server.memberIds(), ['a'])
  release()
  await server.advance(SESSION_MS - 1)
  assert.deepEqual(await server.memberIds(), ['a'])
  await server.restart()
  await server.advance(SESSION_MS - 1)
  assert.deepEqual(await server.memberIds(), ['a'])
  await server.advance(1)
  assert.deepEqual([await server.memberIds(), (await server.groups.find('g'))?.state], [[], 'Empty'])
})

test('a member that lets nothing go is fenced when its time is over', async () => {
  const server = await Server.start()
  const a = await server.join('a')
  const b = await server.join('b')
  await server.beat('a', a.memberEpoch)
  for (let passed = 0; passed < MAX_POLL_MS - 10_000; passed += 10_000) {
    await server.advance(10_000)
    await server.beat('a', a.memberEpoch)
    await server.beat('b', b.memberEpoch)
  }
  assert.deepEqual(await server.memberIds(), ['a', 'b'])
  await server.advance(10_000)
  assert.deepEqual(await server.memberIds(), ['b'])
  assert.deepEqual(partitionsOf(await server.beat('b', b.memberEpoch)), [0, 1, 2, 3])
})

test('a topic that is made while its first subscriber is being written reaches it', async () => {
  const server = await Server.start(1)
  await server.join('first')
  server.log.hold = true
  const joining = server.join('a', { topics: ['later'] })
  await settled()
  await server.createTopic('later', 1)
  server.log.release()
  const { memberEpoch } = await joining
  await settled()
  assert.equal((await server.beat('a', memberEpoch)).assignment.length, 1)
})

test('a member that waits to let go of a topic is told when the topic is deleted, and waits no more', async () => {
  const server = await Server.start()
  await server.createTopic('other', 4)
  const topics = ['orders', 'other']
  const a = await server.join('a', { topics })
  await server.join('b')
  await server.beat('a', a.memberEpoch)
  let told = 0
  const listen = () => server.groups.membership.onNews({ group: 'g', memberId: 'a', memberEpoch: 1 }, () => told++)
  listen()
  await settled()
  assert.equal(told, 0)
  const { topicId } = server
  await server.engine.delete('orders')
  await server.groups.topicDeleted('orders', topicId)
  await settled()
  assert.equal(told, 1)
  const after = await server.beat('a', a.memberEpoch)
  assert.deepEqual([partitionsOf(after), after.revoking], [[0, 1, 2, 3], []])
  listen()
  await settled()
  assert.equal(told, 1)
})

test('a group is deleted alone: a member that joins at the same time finds it gone, or keeps it', async () => {
  const server = await Server.start()
  await server.join('a')
  await server.groups.membership.leave({ group: 'g', memberId: 'a' })
  const [, joined] = await Promise.all([server.groups.delete('g'), server.join('b')])
  assert.equal(joined.memberEpoch, 3, 'behind the epochs of the group that is gone')
  const leaving = server.groups.membership.leave({ group: 'g', memberId: 'b' })
  const joining = server.join('c')
  await Promise.all([leaving, joining, assert.rejects(server.groups.delete('g'), brokerError('NON_EMPTY_GROUP'))])
  assert.deepEqual(await server.memberIds(), ['c'])
  await server.restart()
  assert.deepEqual(await server.memberIds(), ['c'])
})

test('a note that is too long keeps the partition from being let go', async () => {
  const server = await Server.start(2)
  const a = await server.join('a')
  await server.join('b')
  const { revoking } = await server.beat('a', a.memberEpoch)
  const { topicId } = server
  const offset = { topic: 'orders', topicId, partition: 1, nextOffset: 3, metadata: 'x'.repeat(17) }
  const identity = { group: 'g', memberId: 'a', memberEpoch: a.memberEpoch }
  const [answer] = await server.groups.membership.commit({ ...identity, offsets: [offset], released: revoking })
  assert.equal(answer?.errorCode, 'OFFSET_METADATA_TOO_LARGE')
  assert.deepEqual((await server.beat('a', a.memberEpoch)).revoking, revoking)
})

test('more members than allowed are refused', async () => {
  const server = await Server.start()
  for (let member = 0; member < 10; member++) await server.join(`m${member}`)
  await assert.rejects(server.join('one-more'), brokerError('GROUP_MAX_SIZE_REACHED'))
  await server.join('m3')
})

test('while groups are read back every call about members is refused', async () => {
  const server = await Server.start()
  const told = await server.join('a')
  const { memberEpoch } = told
  server.log.hold = true
  const restarted = server.restart()
  const refusal = brokerError('COORDINATOR_LOAD_IN_PROGRESS', { retryAfterSeconds: 1 })
  await assert.rejects(server.join('b'), refusal)
  await assert.rejects(server.beat('a', memberEpoch), refusal)
  await assert.rejects(server.commit('a', memberEpoch, 0, 1), refusal)
  await assert.rejects(server.groups.membership.leave({ group: 'g', memberId: 'a' }), refusal)
  assert.throws(() => server.groups.membership.standing({ group: 'g', memberId: 'a', memberEpoch }, told), refusal)
  await assert.rejects(server.groups.membership.describe('g'), refusal)
  server.log.release()
  await restarted
  await server.beat('a', memberEpoch)
})

test('closing ends waits, leaves no timer behind, and takes no more calls', async () => {
  const server = await Server.start()
  const { memberEpoch } = await server.join('a')
  let told = false
  server.groups.membership.onNews({ group: 'g', memberId: 'a', memberEpoch: 1 }, () => (told = true))
  await server.groups.close()
  assert.deepEqual([told, server.clock.pendingTimers], [true, 0])
  await assert.rejects(server.beat('a', memberEpoch), brokerError('SERVER_STOPPING'))
})

import assert from 'node:assert/strict'
import type { MemberAnswer } from '../../src/broker/group-membership.ts'
import { brokerError } from '../support/engine-records.ts'
import type { EngineUnderTest } from './engine-under-test.ts'
import { makeTopic } from './make-topic.ts'
import { group, join, beat, partitionsOf, ownedBy, outcomeOf, news } from './member-calls.ts'

type MembershipUnderTest = Pick<EngineUnderTest, 'make' | 'promises' | 'test'>

export function membershipConformance({ make, promises, test }: MembershipUnderTest): void {
  test('the first member owns all, the second what the first lets go of', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 4)
    const a = await join(engine, 'a')
    assert.deepEqual([a.created, ownedBy(a)], [true, ['orders-0', 'orders-1', 'orders-2', 'orders-3']])
    const told = news(engine, 'a', a)
    const b = await join(engine, 'b')
    assert.deepEqual([b.created, ownedBy(b)], [true, []])
    await told
    const asked = await beat(engine, 'a', a.memberEpoch)
    assert.deepEqual(
      [ownedBy(asked), partitionsOf(asked.revoking)],
      [
        ['orders-0', 'orders-1'],
        ['orders-2', 'orders-3'],
      ],
    )
    const free = news(engine, 'b', b)
    await beat(engine, 'a', asked.memberEpoch, { released: asked.revoking })
    await free
    assert.deepEqual(ownedBy(await beat(engine, 'b', b.memberEpoch)), ['orders-2', 'orders-3'])
  })

  test('a commit stores what the member owns, says which it does not, and lets go of partitions', async (t) => {
    const engine = await make(t)
    const topicId = await makeTopic(engine, 'orders', 2)
    const a = await join(engine, 'a')
    const b = await join(engine, 'b')
    const { revoking } = await beat(engine, 'a', a.memberEpoch)
    assert.deepEqual(partitionsOf(revoking), ['orders-1'])
    const at = (nextOffset: number, partition: number) => ({ topic: 'orders', topicId, partition, nextOffset })
    const identity = { group, memberId: 'a', memberEpoch: a.memberEpoch }
    const stored = await engine.membership.commit({ ...identity, offsets: [at(3, 0), at(5, 1)], released: revoking })
    assert.deepEqual(stored.map(outcomeOf), [
      [3, undefined],
      [5, undefined],
    ])
    const again = await engine.membership.commit({ ...identity, offsets: [at(2, 0), at(5, 1), at(9, 1)] })
    assert.deepEqual(again.map(outcomeOf), [
      [3, undefined],
      [5, undefined],
      [5, 'STALE_MEMBER_EPOCH'],
    ])
    assert.deepEqual(ownedBy(await beat(engine, 'b', b.memberEpoch)), ['orders-1'])
    assert.deepEqual(
      (await engine.groups.committed(group)).map(({ nextOffset }) => nextOffset),
      [3, 5],
    )
    const gone = { topic: 'orders', topicId: 'x'.repeat(22), partition: 0, nextOffset: 9 }
    const [refused] = await engine.membership.commit({ ...identity, offsets: [gone] })
    assert.equal(refused?.errorCode, 'UNKNOWN_TOPIC_OR_PARTITION')
  })

  test('what was let go of is not asked for again, by a cursor of before neither', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    const a = await join(engine, 'a')
    await join(engine, 'b')
    const { memberEpoch, assignment: held, revoking: announced } = await beat(engine, 'a', a.memberEpoch)
    assert.deepEqual(partitionsOf(announced), ['orders-1'])
    const told = { held, announced }
    await beat(engine, 'a', memberEpoch, { ...told, released: announced })
    const stop = engine.membership.onNews({ group, memberId: 'a', memberEpoch, ...told }, () => undefined)
    for (let fetch = 0; fetch < 3; fetch++) {
      const answer = await beat(engine, 'a', memberEpoch, told)
      assert.deepEqual([ownedBy(answer), answer.revoking], [['orders-0'], []])
    }
    stop()
  })

  test('who is no member, or not any more, is told so', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    await assert.rejects(beat(engine, 'a', 1), brokerError('UNKNOWN_MEMBER_ID'))
    const first = await join(engine, 'a', { instanceId: 'one' })
    await engine.membership.leave({ group, memberId: 'a', permanent: true })
    if (promises.coordinatorIsHere) {
      const identity = { group, memberId: 'a', memberEpoch: first.memberEpoch }
      assert.throws(() => engine.membership.standing(identity, first), brokerError('UNKNOWN_MEMBER_ID'))
    }
    await join(engine, 'a', { instanceId: 'one' })
    const again = await join(engine, 'a', { instanceId: 'one' })
    assert.equal(again.created, false)
    const heir = await join(engine, 'b', { instanceId: 'one' })
    assert.deepEqual([heir.created, ownedBy(heir)], [false, ['orders-0', 'orders-1']])
    await assert.rejects(beat(engine, 'a', again.memberEpoch, { instanceId: 'one' }), brokerError('FENCED_INSTANCE_ID'))
    await join(engine, 'c')
    await assert.rejects(join(engine, 'c', { instanceId: 'one' }), brokerError('UNRELEASED_INSTANCE_ID'))
    await assert.rejects(join(engine, 'd', { assignor: 'fair' }), brokerError('UNSUPPORTED_ASSIGNOR'))
    await engine.membership.leave({ group, memberId: 'nobody' })
  })

  test('who is gone commits nothing, not even what is committed already', async (t) => {
    const engine = await make(t)
    const topicId = await makeTopic(engine, 'orders', 1)
    const commit = ({ memberEpoch }: MemberAnswer, memberId: string, nextOffset: number, instanceId?: string) => {
      const offsets = [{ topic: 'orders', topicId, partition: 0, nextOffset }]
      return engine.membership.commit({ group, memberId, memberEpoch, offsets, instanceId })
    }
    const a = await join(engine, 'a', { instanceId: 'one' })
    await commit(a, 'a', 5, 'one')
    const b = await join(engine, 'b', { instanceId: 'one' })
    for (const offset of [5, 6]) {
      await assert.rejects(commit(a, 'a', offset, 'one'), brokerError('FENCED_INSTANCE_ID'))
      await assert.rejects(commit(b, 'nobody', offset), brokerError('UNKNOWN_MEMBER_ID'))
    }
    await engine.membership.leave({ group, memberId: 'b', permanent: true })
    await assert.rejects(commit(b, 'b', 5, 'one'), brokerError('UNKNOWN_MEMBER_ID'))
    assert.equal((await engine.groups.committed(group))[0]?.nextOffset, 5)
  })

  test('a static member that left for a while is to join again before it goes on', async (t) => {
    const engine = await make(t)
    const topicId = await makeTopic(engine, 'orders', 2)
    const { memberEpoch } = await join(engine, 'a', { instanceId: 'one' })
    await engine.membership.leave({ group, memberId: 'a' })
    const fenced = brokerError('FENCED_MEMBER_EPOCH')
    await assert.rejects(beat(engine, 'a', memberEpoch, { instanceId: 'one' }), fenced)
    const offsets = [{ topic: 'orders', topicId, partition: 0, nextOffset: 1 }]
    const identity = { group, memberId: 'a', memberEpoch, instanceId: 'one' }
    await assert.rejects(engine.membership.commit({ ...identity, offsets }), fenced)
    await assert.rejects(engine.membership.commit({ ...identity, offsets: [] }), fenced)
    const again = await join(engine, 'a', { instanceId: 'one' })
    assert.deepEqual([again.created, ownedBy(again)], [false, ['orders-0', 'orders-1']])
  })

  test('a join ends what was handed out before it', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    const first = await join(engine, 'a')
    await join(engine, 'a')
    await assert.rejects(beat(engine, 'a', first.memberEpoch), brokerError('FENCED_MEMBER_EPOCH'))
    const { memberEpoch } = await join(engine, 'b', { instanceId: 'one' })
    await join(engine, 'b', { instanceId: 'one' })
    await assert.rejects(beat(engine, 'b', memberEpoch, { instanceId: 'one' }), brokerError('FENCED_MEMBER_EPOCH'))
  })

  test('the partitions of a member that leaves go to the others', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    const alone = await join(engine, 'a')
    await join(engine, 'b')
    const restored = promises.coordinatorIsHere ? news(engine, 'a', alone) : undefined
    await engine.membership.leave({ group, memberId: 'b' })
    await restored
    const a = await beat(engine, 'a', alone.memberEpoch)
    assert.deepEqual(ownedBy(a), ['orders-0', 'orders-1'])
    const b = await join(engine, 'b')
    await engine.membership.leave({ group, memberId: 'a' })
    await assert.rejects(beat(engine, 'a', a.memberEpoch), brokerError('UNKNOWN_MEMBER_ID'))
    assert.deepEqual(ownedBy(await beat(engine, 'b', b.memberEpoch)), ['orders-0', 'orders-1'])
  })

  test('topics that are made, grown and deleted reach the members', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 1)
    const first = await join(engine, 'a', { topics: ['orders', 'later'] })
    const made = news(engine, 'a', first)
    await makeTopic(engine, 'later', 1)
    await made
    const second = await beat(engine, 'a', first.memberEpoch)
    assert.deepEqual(ownedBy(second).sort(), ['later-0', 'orders-0'])
    const grown = news(engine, 'a', second)
    await engine.topics.addPartitions('orders', 2)
    await grown
    const third = await beat(engine, 'a', second.memberEpoch)
    assert.deepEqual(ownedBy(third).sort(), ['later-0', 'orders-0', 'orders-1'])
    const gone = news(engine, 'a', third)
    await engine.topics.delete('orders')
    await gone
    const fourth = await beat(engine, 'a', third.memberEpoch)
    assert.deepEqual([ownedBy(fourth), fourth.revoking], [['later-0'], []])
    const back = news(engine, 'a', fourth)
    await makeTopic(engine, 'orders', 1)
    await back
    assert.deepEqual(ownedBy(await beat(engine, 'a', fourth.memberEpoch)).sort(), ['later-0', 'orders-0'])
  })

  test('news that are there already are told as well', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    const a = await join(engine, 'a')
    await join(engine, 'b')
    await news(engine, 'a', a)
    await beat(engine, 'a', a.memberEpoch)
    let told = false
    const stop = engine.membership.onNews({ group, memberId: 'a', memberEpoch: a.memberEpoch }, () => (told = true))
    await beat(engine, 'a', a.memberEpoch)
    assert.equal(told, false)
    stop()
    await news(engine, 'nobody', a)
  })

  test('a group with members is listed, described, and neither committed, set, forgotten nor deleted', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    assert.equal(await engine.membership.describe(group), undefined)
    const { memberEpoch } = await join(engine, 'a')
    const summary = { group, state: 'Stable', type: 'consumer', memberCount: 1 }
    assert.deepEqual([await engine.groups.list(), await engine.groups.find(group)], [[summary], summary])
    const described = await engine.membership.describe(group)
    assert.deepEqual(
      [described?.state, described?.assignor, described?.members.map(({ memberId }) => memberId)],
      ['Stable', 'uniform', ['a']],
    )
    const offsets = [{ topic: 'orders', partition: 0, nextOffset: 0 }]
    const nonEmpty = brokerError('NON_EMPTY_GROUP')
    await assert.rejects(engine.groups.commit(group, offsets, 'advance'), nonEmpty)
    await assert.rejects(engine.groups.commit(group, offsets, 'set'), nonEmpty)
    await assert.rejects(engine.groups.forget(group), nonEmpty)
    await assert.rejects(engine.groups.delete(group), nonEmpty)
    await engine.membership.leave({ group, memberId: 'a' })
    assert.deepEqual(await engine.groups.list(), [{ ...summary, state: 'Empty', memberCount: 0 }])
    await engine.groups.commit(group, offsets, 'set')
    await engine.groups.delete(group)
    assert.deepEqual([await engine.groups.list(), await engine.membership.describe(group)], [[], undefined])
    await assert.rejects(beat(engine, 'a', memberEpoch), brokerError('UNKNOWN_MEMBER_ID'))
    assert.equal((await join(engine, 'a')).created, true)
  })

  test('a description says who the clients are', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    await join(engine, 'a', { clientId: 'worker' })
    assert.deepEqual(
      (await engine.membership.describe(group))?.members.map(({ clientId }) => clientId),
      ['worker'],
    )
  })

  test('where a group begins to read can be stored while it has members, and once', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    await join(engine, 'a')
    const initial = async (nextOffset: number) =>
      (await engine.groups.commit(group, [{ topic: 'orders', partition: 0, nextOffset }], 'initial'))[0]?.nextOffset
    assert.deepEqual([await initial(7), await initial(9), await initial(3)], [7, 7, 7])
  })

  test('a hundred members that join at once share the partitions evenly', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 250)
    const ids = Array.from({ length: 100 }, (_, index) => `m${index}`)
    const epochs = new Map(
      (await Promise.all(ids.map((id) => join(engine, id)))).map((a, i) => [ids[i]!, a.memberEpoch]),
    )
    let counts: number[] = []
    // A coordinator elsewhere that has just heard of the topic may share out nothing at first.
    const rounds = promises.coordinatorIsHere ? 3 : 100
    for (let round = 0; round < 3 || (round < rounds && Math.min(...counts) === 0); round++) {
      const answers = await Promise.all(
        ids.map(async (id) => {
          const told = await beat(engine, id, epochs.get(id) ?? 0)
          return told.revoking.length === 0 ? told : beat(engine, id, told.memberEpoch, { released: told.revoking })
        }),
      )
      answers.forEach(({ memberEpoch }, index) => epochs.set(ids[index]!, memberEpoch))
      counts = answers.map((answer) => ownedBy(answer).length)
    }
    assert.equal((await engine.membership.describe(group))?.state, 'Stable')
    assert.deepEqual([Math.min(...counts), Math.max(...counts)], [2, 3])
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      250,
    )
  })
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GroupReplay } from '../../../../src/embedded/groups/membership/group-replay.ts'
import { maxPollIntervalMs, Driver, partitionsOf, revokingOf, refused } from './group-driver.ts'

test('a partition reaches the next owner only when the old one has let it go, never by a call that does not say so', () => {
  const driver = new Driver()
  const a = driver.join('a')
  assert.deepEqual(partitionsOf(a), [0, 1, 2, 3])
  const b = driver.join('b')
  assert.deepEqual([partitionsOf(b), driver.group.describe().state], [[], 'Reconciling'])
  assert.deepEqual(driver.news, ['a'])
  const told = driver.heartbeat('a', a.memberEpoch)
  assert.deepEqual([partitionsOf(told), revokingOf(told), told.memberEpoch], [[0, 1], [2, 3], a.memberEpoch])
  for (let again = 0; again < 3; again++) driver.heartbeat('a', told.memberEpoch)
  assert.deepEqual(partitionsOf(driver.heartbeat('b', b.memberEpoch)), [])

  const done = driver.heartbeat('a', told.memberEpoch, { released: told.revoking })
  assert.deepEqual([partitionsOf(done), revokingOf(done), done.memberEpoch], [[0, 1], [], b.memberEpoch])
  assert.deepEqual(driver.news, ['b'])
  assert.deepEqual(partitionsOf(driver.heartbeat('b', b.memberEpoch)), [2, 3])
  assert.equal(driver.group.describe().state, 'Stable')
})

test('a commit lets go of what it names, and what is let go can be committed no more', () => {
  const driver = new Driver()
  const { memberEpoch } = driver.join('a')
  const b = driver.join('b')
  const { revoking } = driver.heartbeat('a', memberEpoch)
  assert.deepEqual(driver.commit('a', memberEpoch, [0, 2, 3]), [true, true, true])
  assert.deepEqual(driver.commit('a', memberEpoch, [0, 2, 3], { released: revoking }), [true, true, true])
  assert.deepEqual(driver.commit('a', memberEpoch, [0, 2, 3]), [true, false, false])
  assert.deepEqual(partitionsOf(driver.heartbeat('b', b.memberEpoch)), [2, 3])
  assert.deepEqual(driver.commit('b', b.memberEpoch, [0, 2]), [false, true])
})

test('a partition can be let go alone', () => {
  const driver = new Driver()
  const { memberEpoch } = driver.join('a')
  const b = driver.join('b')
  driver.heartbeat('a', memberEpoch)
  const { topicId } = driver.topic
  driver.heartbeat('a', memberEpoch, { released: [{ topicId, partitions: [3, 0] }] })
  assert.deepEqual(partitionsOf(driver.heartbeat('b', b.memberEpoch)), [3])
  assert.deepEqual(driver.commit('a', memberEpoch, [0, 2, 3]), [true, true, false])
})

test('a commit with an older epoch counts for what was owned ever since', () => {
  const driver = new Driver()
  const a = driver.join('a')
  driver.join('b')
  const { revoking } = driver.heartbeat('a', a.memberEpoch)
  const second = driver.heartbeat('a', a.memberEpoch, { released: revoking })
  driver.leave('b')
  const third = driver.heartbeat('a', second.memberEpoch)
  assert.deepEqual(partitionsOf(third), [0, 1, 2, 3])
  assert.deepEqual(driver.commit('a', a.memberEpoch, [0, 1, 2, 3]), [true, true, false, false])
  assert.deepEqual(driver.commit('a', third.memberEpoch, [0, 1, 2, 3]), [true, true, true, true])
  refused(() => driver.heartbeat('a', a.memberEpoch), 'FENCED_MEMBER_EPOCH')
  refused(() => driver.commit('a', third.memberEpoch + 1, [0]), 'FENCED_MEMBER_EPOCH')
})

test('however many replies are lost, the epoch that reached the client is taken', () => {
  const driver = new Driver()
  const { memberEpoch } = driver.join('a', { topics: ['orders', 'later'] })
  for (const partitions of [1, 2, 3]) {
    if (partitions === 1) driver.topics.create('later', 1)
    else driver.topics.enlarge('later', 1)
    driver.step((change) => change.topicsChanged())
    assert.deepEqual(driver.news, ['a'])
    assert.equal(partitionsOf(driver.heartbeat('a', memberEpoch)).length, 4 + partitions)
  }
})

test('joining again keeps the partitions and ends what was handed out before', () => {
  const driver = new Driver()
  const first = driver.join('a')
  const again = driver.join('a')
  assert.deepEqual([first.created, again.created], [true, false])
  assert.deepEqual(partitionsOf(again), [0, 1, 2, 3])
  assert.ok(again.memberEpoch > first.memberEpoch)
  refused(() => driver.heartbeat('a', first.memberEpoch), 'FENCED_MEMBER_EPOCH')
  assert.deepEqual(driver.commit('a', first.memberEpoch, [0, 1]), [false, false])
})

test('a static member that left comes back to its partitions under another member id', () => {
  const driver = new Driver()
  const first = driver.join('a-1', { instanceId: 'host' })
  driver.join('b')
  const { revoking } = driver.heartbeat('a-1', first.memberEpoch)
  driver.heartbeat('a-1', first.memberEpoch, { released: revoking })
  driver.leave('a-1')
  assert.equal(driver.group.describe().members[0]?.state, 'Left')
  refused(() => driver.heartbeat('a-1', first.memberEpoch), 'FENCED_MEMBER_EPOCH')
  driver.restart()
  driver.now = 44_999
  assert.deepEqual(driver.group.due(driver.now), [])
  const back = driver.join('a-2', { instanceId: 'host' })
  assert.deepEqual([back.created, partitionsOf(back)], [false, [0, 1]])
  const gone = { instanceId: 'host' }
  refused(() => driver.heartbeat('a-1', first.memberEpoch, gone), 'FENCED_INSTANCE_ID')
  refused(() => driver.heartbeat('a-1', first.memberEpoch), 'UNKNOWN_MEMBER_ID')
})

test('a live instance id is taken over; a member that exists cannot take that of another', () => {
  const driver = new Driver()
  const first = driver.join('a', { instanceId: 'host' })
  driver.join('b')
  refused(() => driver.join('b', { instanceId: 'host' }), 'UNRELEASED_INSTANCE_ID')
  const second = driver.join('c', { instanceId: 'host' })
  assert.equal(partitionsOf(second).length, 2)
  refused(() => driver.commit('a', first.memberEpoch, [0], { instanceId: 'host' }), 'FENCED_INSTANCE_ID')
  // Taken back: what the first one was given before counts no more.
  driver.join('a', { instanceId: 'host' })
  assert.deepEqual(driver.commit('a', first.memberEpoch, [0, 1, 2, 3]), [false, false, false, false])
})

test('a static member that leaves for good, or whose session ends, frees its partitions', () => {
  for (const end of ['leave', 'expire'] as const) {
    const driver = new Driver()
    driver.join('a', { instanceId: 'host' })
    driver.leave('a')
    driver.now = 10_000
    const b = driver.join('b')
    assert.deepEqual(partitionsOf(b), [])
    driver.now = 45_000
    if (end === 'leave') driver.leave('a', true)
    else assert.deepEqual(driver.expire(), ['a'])
    assert.deepEqual(partitionsOf(driver.heartbeat('b', b.memberEpoch)), [0, 1, 2, 3])
  }
})

test('what a member may read can be asked without a step', () => {
  const driver = new Driver()
  const { memberEpoch } = driver.join('a', { instanceId: 'host' })
  driver.join('b')
  const told = driver.heartbeat('a', memberEpoch)
  const identity = { group: 'g', memberId: 'a', memberEpoch, instanceId: 'host' }
  assert.deepEqual(driver.group.standing(identity), told)
  driver.join('c', { instanceId: 'host' })
  refused(() => driver.group.standing(identity), 'FENCED_INSTANCE_ID')
})

test('after a restart members go on where they were, with all their time', () => {
  const driver = new Driver()
  const a = driver.join('a')
  const b = driver.join('b')
  driver.heartbeat('a', a.memberEpoch)
  const before = driver.group.describe()
  driver.now = 44_000
  driver.restart()
  assert.deepEqual(driver.group.describe(), before)
  const { change } = driver.step((each) => each.topicsChanged())
  assert.deepEqual(change.records(), [])
  assert.equal(driver.group.nextCheck, 44_000 + 45_000)
  const told = driver.heartbeat('a', a.memberEpoch)
  assert.deepEqual(revokingOf(told), [2, 3])
  driver.heartbeat('a', a.memberEpoch, { released: told.revoking })
  assert.deepEqual(partitionsOf(driver.heartbeat('b', b.memberEpoch)), [2, 3])
})

test('what happened to topics while the server was down is found', () => {
  const driver = new Driver()
  const { memberEpoch } = driver.join('a')
  driver.topics.enlarge('orders', 2)
  driver.restart()
  driver.step((change) => change.topicsChanged())
  assert.deepEqual(driver.news, ['a'])
  assert.deepEqual(partitionsOf(driver.heartbeat('a', memberEpoch)), [0, 1, 2, 3, 4, 5])
})

test('nobody waits for the partitions of a topic that is gone', () => {
  const driver = new Driver()
  const { memberEpoch } = driver.join('a', { topics: ['orders', 'gone'] })
  driver.join('b')
  driver.heartbeat('a', memberEpoch)
  driver.topics.delete('orders')
  driver.step((change) => change.topicsChanged())
  const after = driver.heartbeat('a', memberEpoch)
  assert.deepEqual([after.assignment, after.revoking], [[], []])
})

test('unknown assignors and members beyond the limit are refused; most votes win, then the first', () => {
  const driver = new Driver({ maxSize: 2 })
  refused(() => driver.join('a', { assignor: 'sticky' }), 'UNSUPPORTED_ASSIGNOR')
  assert.equal(driver.group.state.groupEpoch, 0)
  driver.join('a', { assignor: 'range' })
  assert.equal(driver.group.describe().assignor, 'range')
  driver.join('b', { assignor: 'uniform', instanceId: 'host' })
  assert.equal(driver.group.describe().assignor, 'uniform')
  refused(() => driver.join('c'), 'GROUP_MAX_SIZE_REACHED')
  driver.join('c', { instanceId: 'host' })
  driver.join('a')
})

test('calls decided together cost one assignment, and each sees those before it', () => {
  const driver = new Driver()
  const { change } = driver.step((each) => {
    for (const memberId of ['a', 'b', 'c', 'd']) {
      each.join({ group: 'g', memberId, topics: ['orders'], maxPollIntervalMs })
    }
    each.leave({ group: 'g', memberId: 'd' })
  })
  assert.deepEqual(
    ['a', 'b', 'c'].map((memberId) => change.answer(memberId).memberEpoch),
    [1, 1, 1],
  )
  refused(() => change.answer('d'), 'UNKNOWN_MEMBER_ID')
  assert.deepEqual(
    ['a', 'b', 'c'].map((memberId) => partitionsOf(change.answer(memberId)).length).sort((x, y) => x - y),
    [1, 1, 2],
  )
})

test('a step that could not be written changes nothing, but who called was alive', () => {
  const driver = new Driver()
  const { memberEpoch } = driver.join('a')
  const before = driver.group.state
  driver.now = 30_000
  const change = driver.group.begin()
  change.heartbeat({ group: 'g', memberId: 'a', memberEpoch })
  change.join({ group: 'g', memberId: 'b', topics: ['orders'], maxPollIntervalMs })
  change.settle()
  driver.group.abandon(change, driver.now)
  assert.equal(driver.group.state, before)
  assert.deepEqual(driver.group.due(45_000), [])
  assert.equal(driver.group.nextCheck, 75_000)
})

test('calls that change nothing write nothing', () => {
  const driver = new Driver()
  const { memberEpoch } = driver.join('a')
  const { change } = driver.step((each) => each.heartbeat({ group: 'g', memberId: 'a', memberEpoch }))
  assert.deepEqual(change.records(), [])
  assert.equal(change.after, change.before)
})

test('a group without members can be deleted, and leaves nothing in its log', () => {
  const driver = new Driver()
  driver.join('a')
  assert.throws(() => driver.group.deletion(), /1 members/)
  driver.leave('a')
  driver.leave('a')
  driver.log.push(...driver.group.deletion())
  const last = new Map(
    driver.log.map((record) => [`${record.kind} ${'memberId' in record ? record.memberId : ''}`, record]),
  )
  assert.equal(last.size, 5)
  for (const record of last.values()) assert.equal(record.value, null)
  const replay = new GroupReplay()
  for (const record of driver.log) replay.play(record)
  assert.equal(replay.finish(), undefined)
})

test('records that damage left make no partition that two own, and no epoch that was there before', () => {
  const driver = new Driver()
  driver.join('a')
  driver.join('b')
  const claim = driver.log.findLast((record) => record.kind === 'current' && record.memberId === 'a')
  assert.ok(claim?.kind === 'current' && claim.value !== null)
  const replay = new GroupReplay()
  for (const record of driver.log) if (record.kind !== 'group') replay.play(record)
  const later = new Map([[driver.topic.topicId, new Map([[0, 9]])]])
  replay.play({ kind: 'current', memberId: 'b', value: { ...claim.value, epoch: 9, assigned: later } })
  const state = replay.finish()
  assert.equal(state?.groupEpoch, 9)
  assert.equal(state.owners.get(driver.topic.topicId)?.[0], 'b')
  assert.equal(state.members.get('a')?.current.assigned.get(driver.topic.topicId)?.has(0), false)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maxPollIntervalMs, Driver, partitionsOf, revokingOf, refused } from './group-driver.ts'

test('a session ends without calls; calls that work from too old a fetch do not prolong it', () => {
  const driver = new Driver()
  const { memberEpoch } = driver.join('a')
  assert.equal(driver.group.nextCheck, 45_000)
  driver.now = 40_000
  driver.heartbeat('a', memberEpoch, { fetchAgeMs: maxPollIntervalMs })
  driver.now = 45_000
  assert.deepEqual(driver.group.due(driver.now), [])
  assert.equal(driver.group.nextCheck, 85_000)
  driver.now = 80_000
  driver.heartbeat('a', memberEpoch, { fetchAgeMs: maxPollIntervalMs + 1 })
  driver.commit('a', memberEpoch, [0], { fetchAgeMs: maxPollIntervalMs + 1 })
  driver.now = 85_000
  assert.deepEqual(driver.expire(), ['a'])
  assert.deepEqual(driver.news, ['a'])
  refused(() => driver.heartbeat('a', memberEpoch), 'UNKNOWN_MEMBER_ID')
  assert.equal(driver.group.describe().state, 'Empty')
  assert.deepEqual([driver.group.due(driver.now), driver.group.nextCheck], [[], Infinity])
})

test('a request that waits holds its session, but not the time to let partitions go', () => {
  const driver = new Driver()
  const { memberEpoch } = driver.join('a')
  const release = driver.group.holdSession('a')
  const releaseOther = driver.group.holdSession('a')
  driver.now = 100_000
  assert.deepEqual(driver.group.due(driver.now), [])
  release(driver.now)
  release(driver.now)
  driver.now = 200_000
  assert.deepEqual(driver.group.due(driver.now), [])
  releaseOther(driver.now)
  assert.equal(driver.group.nextCheck, 245_000)

  driver.group.holdSession('a')
  driver.join('b')
  driver.heartbeat('a', memberEpoch)
  driver.group.holdSession('b')
  driver.now = 260_000
  assert.deepEqual(driver.group.due(driver.now - 1), [])
  assert.deepEqual(driver.expire(), ['a'])
})

test('a hold ends with the membership it was for', () => {
  const driver = new Driver()
  driver.join('a')
  const release = driver.group.holdSession('a')
  driver.join('a')
  driver.now = 45_000
  assert.deepEqual(driver.group.due(driver.now), ['a'])
  release(driver.now)
  assert.deepEqual(driver.group.due(driver.now), ['a'])
})

test('who does not let go in time is removed; letting a part go does not prolong the time', () => {
  const driver = new Driver()
  const { memberEpoch } = driver.join('a')
  driver.join('b')
  driver.heartbeat('a', memberEpoch)
  driver.now = 30_000
  driver.heartbeat('b', 2)
  driver.heartbeat('a', memberEpoch, { released: [{ topicId: driver.topic.topicId, partitions: [3] }] })
  driver.now = 59_999
  assert.deepEqual(driver.group.due(driver.now), [])
  driver.now = 60_000
  assert.deepEqual(driver.expire(), ['a'])
  assert.deepEqual(partitionsOf(driver.heartbeat('b', 2)), [0, 1, 2, 3])
})

test('what is announced later has its own time', () => {
  const driver = new Driver()
  const { memberEpoch } = driver.join('a')
  driver.join('b')
  const told = driver.heartbeat('a', memberEpoch)
  for (const memberId of ['c', 'd']) driver.join(memberId)
  driver.now = 40_000
  const next = driver.heartbeat('a', memberEpoch, { released: told.revoking })
  assert.equal(revokingOf(next).length, 1)
  assert.ok(next.memberEpoch > memberEpoch)
  for (const memberId of ['a', 'b', 'c', 'd']) driver.group.holdSession(memberId)
  driver.now = 99_999
  assert.deepEqual(driver.group.due(driver.now), [])
  driver.now = 100_000
  assert.deepEqual(driver.group.due(driver.now), ['a'])
})

test('a call that comes late lets nothing go that was acquired anew', () => {
  const driver = new Driver()
  const a = driver.join('a')
  driver.join('b')
  const told = driver.heartbeat('a', a.memberEpoch)
  const second = driver.heartbeat('a', a.memberEpoch, { released: told.revoking })
  driver.leave('b')
  const third = driver.heartbeat('a', second.memberEpoch)
  driver.join('c')
  const again = driver.heartbeat('a', third.memberEpoch)
  assert.deepEqual(revokingOf(again), revokingOf(told))
  driver.commit('a', a.memberEpoch, [], { released: told.revoking })
  assert.deepEqual(driver.commit('a', third.memberEpoch, [2, 3]), [true, true])
})

test('who has let everything go is not removed, though it has not called since', () => {
  const driver = new Driver()
  const { memberEpoch } = driver.join('a')
  driver.join('b')
  const { revoking } = driver.heartbeat('a', memberEpoch)
  driver.commit('a', memberEpoch, [], { released: revoking })
  driver.group.holdSession('a')
  driver.group.holdSession('b')
  driver.now = 70_000
  assert.deepEqual(driver.group.due(driver.now), [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brokerError } from '../../support/engine-records.ts'
import { SESSION_MS, Server, partitionsOf, storageError } from './membership-server.ts'

test('an append that fails answers with its error and changes nothing', async () => {
  const server = await Server.start()
  const a = await server.join('a')
  const b = await server.join('b')
  const { revoking } = await server.beat('a', a.memberEpoch)
  const before = await server.groups.membership.describe('g')
  server.log.failure = storageError()
  const failed = brokerError('KAFKA_STORAGE_ERROR')
  await assert.rejects(server.join('c'), failed)
  await assert.rejects(server.beat('a', a.memberEpoch, { released: revoking }), failed)
  await assert.rejects(server.commit('a', a.memberEpoch, 2, 5, [2]), failed)
  await assert.rejects(server.groups.membership.leave({ group: 'g', memberId: 'a' }), failed)
  assert.deepEqual(await server.groups.membership.describe('g'), before)
  assert.deepEqual(await server.groups.committed('g'), [])
  server.log.failure = undefined
  await server.beat('a', a.memberEpoch, { released: revoking })
  assert.deepEqual(partitionsOf(await server.beat('b', b.memberEpoch)), [2, 3])
})

test('a group whose first member could not be written does not exist', async () => {
  const server = await Server.start()
  server.log.failure = storageError()
  await assert.rejects(server.join('a'), brokerError('KAFKA_STORAGE_ERROR'))
  assert.deepEqual([await server.groups.list(), await server.groups.membership.describe('g')], [[], undefined])
})

test('an end of a session that cannot be written is tried again, and fails nobody in between', async () => {
  const server = await Server.start()
  await server.join('a')
  await server.advance(20_000)
  const b = await server.join('b')
  server.log.failure = storageError()
  await server.advance(SESSION_MS - 20_000)
  assert.deepEqual(await server.memberIds(), ['a', 'b'])
  const appends = server.log.appends.length
  await server.beat('b', b.memberEpoch)
  await server.advance(500)
  assert.equal(server.log.appends.length, appends)
  await server.advance(500)
  assert.equal(server.log.appends.length, appends + 1)
  server.log.failure = undefined
  await server.advance(1000)
  assert.deepEqual(await server.memberIds(), ['b'])
})

test('a change of a topic that cannot be written reaches the members later', async () => {
  const server = await Server.start(1)
  const { memberEpoch } = await server.join('a', { topics: ['orders', 'later'] })
  server.log.failure = storageError()
  await server.createTopic('later', 1)
  server.log.failure = undefined
  assert.deepEqual(partitionsOf(await server.beat('a', memberEpoch)), [0])
  await server.advance(1000)
  assert.equal((await server.beat('a', memberEpoch)).assignment.length, 2)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestMember } from './test-member.ts'
import { startWithOrders, publish, all } from './orders-topic.ts'

test('a member joins, reads every record, commits, and is up to date', async (t) => {
  const server = await startWithOrders(t, 3)
  const member = new TestMember(server, 'a')
  const joined = await member.join({ topics: ['orders'] })
  assert.equal(joined.status, 201)
  assert.deepEqual(joined.body.assignment, [{ topic: 'orders', partitions: [0, 1, 2, 3] }])
  assert.deepEqual(joined.body.revoking, [])
  assert.equal(joined.body.memberEpoch, 1)
  assert.equal(joined.body.heartbeatIntervalMs, 5000)
  assert.equal(joined.body.sessionTimeoutMs, 45_000)

  const page = await member.page()
  assert.deepEqual(page.values, all(3))
  assert.equal(page.upToDate, true)
  assert.deepEqual(page.gaps, [])
  assert.equal(page.memberEpoch, 1)
  const items = await member.committed()
  assert.deepEqual(
    items,
    [0, 1, 2, 3].map((partition) => ({ topic: 'orders', partition, nextOffset: 3, lag: 0 })),
  )
  assert.deepEqual((await member.page()).values, [])
  await publish(server, 1, 3)
  assert.deepEqual((await member.page()).values, ['0-3', '1-3', '2-3', '3-3'])
})

test('the same cursor starts at the same records until a later position is committed', async (t) => {
  const server = await startWithOrders(t, 3)
  const member = new TestMember(server, 'a')
  await member.join()
  const first = member.cursor
  const page = await member.page()
  assert.deepEqual((await member.page({ cursor: first })).values, page.values)
  await member.commit({ cursor: page.cursor }).expect(200)
  assert.deepEqual((await member.page({ cursor: first })).values, [])
  await member.commit({ cursor: page.cursor }).expect(200)
})

test('pages go on from each other, and none of a member’s partitions starves', async (t) => {
  const server = await startWithOrders(t, 5)
  const member = new TestMember(server, 'a')
  await member.join()
  const seen: string[] = []
  for (let page = 0; page < 10; page += 1) seen.push(...(await member.page({ query: '&maxRecords=2' })).values)
  assert.deepEqual(seen.sort(), all(5))
})

test('a join can be repeated, voids the cursors before it, and changes the subscription', async (t) => {
  const server = await startWithOrders(t, 1)
  await server.api.put('/topics/payments').send({ partitions: 1 }).expect(201)
  const member = new TestMember(server, 'a')
  await member.join()
  const old = member.cursor
  const again = await member.join({ topics: ['orders', 'payments'] })
  assert.equal(again.status, 200)
  assert.equal(again.body.memberEpoch, 2)
  assert.deepEqual(again.body.assignment, [
    { topic: 'orders', partitions: [0, 1, 2, 3] },
    { topic: 'payments', partitions: [0] },
  ])
  const fenced = await member.fetch({ cursor: old })
  assert.equal(fenced.status, 409, fenced.text)
  assert.equal(fenced.body.code, 'FENCED_MEMBER_EPOCH')
  assert.equal(fenced.body.recovery, 'rejoin')
})

test('a partition moves when the one who had it committed a cursor that came with the announcement', async (t) => {
  const server = await startWithOrders(t, 2)
  const one = new TestMember(server, 'one')
  const two = new TestMember(server, 'two')
  await one.join()
  const read = await one.page()
  assert.deepEqual((await two.join()).body.assignment, [])
  const announced = await one.page()
  assert.deepEqual(announced.values, [], 'what was read goes on from its positions')
  const revoked = announced.revoking[0]?.partitions ?? []
  assert.equal(revoked.length, 2)
  assert.equal(announced.assignment[0]?.partitions.length, 2)

  // Neither repeating the fetch nor committing an older cursor lets go.
  await one.page({ cursor: read.cursor })
  await one.commit({ cursor: read.cursor }).expect(200)
  assert.deepEqual((await two.page()).assignment, [])
  await publish(server, 1, 2)
  const kept = await one.page()
  assert.equal(kept.records.length, 2)
  assert.ok(kept.records.every(({ partition }) => !revoked.includes(partition)))

  assert.equal((await one.committed()).length, 2, 'the positions ahead of what is committed')
  const taken = await two.page()
  assert.deepEqual(taken.assignment, [{ topic: 'orders', partitions: revoked }])
  assert.deepEqual(
    taken.values,
    revoked.map((partition) => `${partition}-2`),
  )
})

test('a heartbeat lets go of the partitions it names', async (t) => {
  const server = await startWithOrders(t, 2)
  const one = new TestMember(server, 'one')
  const two = new TestMember(server, 'two')
  await one.join()
  await one.page()
  await two.join()
  const told = await one.heartbeat()
  assert.equal(told.status, 200, told.text)
  const [revoking] = told.body.revoking
  assert.equal(revoking?.partitions.length, 2)
  const partition = revoking?.partitions[0] ?? -1
  const released = [
    { topic: 'orders', partitions: [partition] },
    { topic: 'gone', partitions: [0] },
  ]
  const after = await one.heartbeat(released)
  assert.equal(after.body.revoking[0]?.partitions.length, 1)
  assert.deepEqual((await two.page()).assignment, [{ topic: 'orders', partitions: [partition] }])

  const stale = await one.commit()
  assert.equal(stale.status, 200, 'the cursor of the heartbeat has no position of what was let go')
})

test('a commit for partitions that are gone tells what was committed and what was refused', async (t) => {
  const server = await startWithOrders(t, 2)
  const one = new TestMember(server, 'one')
  const two = new TestMember(server, 'two')
  await one.join()
  const { cursor } = await one.page()
  await two.join()
  const { body } = await one.heartbeat()
  const lost: number[] = body.revoking[0]?.partitions ?? []
  await one.heartbeat([{ topic: 'orders', partitions: lost }])
  await two.page()
  const refused = await one.commit({ cursor })
  assert.equal(refused.status, 409, refused.text)
  assert.equal(refused.body.code, 'STALE_MEMBER_EPOCH')
  assert.equal(refused.body.recovery, 'fetch')
  assert.deepEqual(
    refused.body.refused.map((each: { partition: number }) => each.partition),
    lost,
  )
  assert.equal(refused.body.committed.length, 2)

  // Where the new owner has come as far, the old commit is done.
  await two.page()
  await two.committed()
  await one.commit({ cursor }).expect(200)
})

test('a position counts only while its partition is held without a break', async (t) => {
  const server = await startWithOrders(t, 2)
  const one = new TestMember(server, 'one')
  const two = new TestMember(server, 'two')
  await one.join()
  const { cursor } = await one.page()
  const heartbeat = (released?: object) => server.api.post(`${one.path}/heartbeat`).send({ cursor, released })
  await two.join()
  const lost = (await heartbeat()).body.revoking
  await heartbeat(lost)
  assert.deepEqual((await two.page()).assignment, lost)
  await two.leave().expect(204)

  const back = await one.page({ cursor })
  assert.deepEqual(back.assignment, [{ topic: 'orders', partitions: [0, 1, 2, 3] }])
  const again: number[] = lost[0].partitions
  assert.deepEqual(
    back.values,
    again.flatMap((partition) => [`${partition}-0`, `${partition}-1`]),
  )
  const stale = await one.commit({ cursor })
  assert.deepEqual(
    stale.body.refused.map(({ partition }: { partition: number }) => partition),
    again,
  )
})

test('part of a page is committed by offsets beside the cursor', async (t) => {
  const server = await startWithOrders(t, 3)
  const member = new TestMember(server, 'a')
  await member.join()
  await member.page()
  const offsets = [{ topic: 'orders', partition: 1, nextOffset: 2, metadata: 'half' }]
  const committed = await member.commit({ cursor: member.cursor, offsets })
  assert.deepEqual(committed.body.items, [{ topic: 'orders', partition: 1, nextOffset: 2, lag: 1 }])
  const older = [{ topic: 'orders', partition: 1, nextOffset: 1 }]
  const back = await member.commit({ cursor: member.cursor, offsets: older })
  assert.equal(back.body.items[0].nextOffset, 2, 'a commit never moves back')
  const group = await server.api.get('/consumer-groups/billing').expect(200)
  assert.equal(group.body.offsets[1].metadata, 'half')
})

test('offsets that are committed already may be committed again, by whoever it is', async (t) => {
  const server = await startWithOrders(t, 2)
  await server.api.put('/topics/payments').send({ partitions: 1 }).expect(201)
  const offsets = [{ topic: 'payments', partition: 0, nextOffset: 0 }]
  await server.api.post('/consumer-groups/billing/offsets').send({ offsets }).expect(200)
  const member = new TestMember(server, 'a')
  await member.join()
  const again = await member.commit({ cursor: member.cursor, offsets })
  assert.equal(again.status, 200, again.text)
  assert.deepEqual(again.body.items, [{ topic: 'payments', partition: 0, nextOffset: 0, lag: 0 }])
})

test('offsets beside a cursor let go of what the cursor handed out in full only', async (t) => {
  const server = await startWithOrders(t, 3)
  const one = new TestMember(server, 'one')
  const two = new TestMember(server, 'two')
  await one.join()
  await one.page()
  await two.join()
  const { body } = await one.heartbeat()
  const [first = -1, second = -1] = body.revoking[0]?.partitions ?? []
  const offsets = [
    { topic: 'orders', partition: first, nextOffset: 3 },
    { topic: 'orders', partition: second, nextOffset: 1 },
  ]
  await one.commit({ cursor: one.cursor, offsets }).expect(200)
  assert.deepEqual((await two.page()).assignment, [{ topic: 'orders', partitions: [first] }])
  await one.commit().expect(200)
  assert.deepEqual((await two.page()).assignment, [{ topic: 'orders', partitions: [first, second] }])
})

test('a member that leaves frees its partitions at once, a static one keeps them', async (t) => {
  const server = await startWithOrders(t)
  const one = new TestMember(server, 'one')
  const two = new TestMember(server, 'two')
  await one.join({ topics: ['orders'], instanceId: 'i-1' })
  await two.join()
  await one.page()
  await one.commit().expect(200)
  assert.equal((await two.page()).assignment[0]?.partitions.length, 2)
  await one.leave().expect(204)
  assert.equal((await two.page()).assignment[0]?.partitions.length, 2)
  const back = new TestMember(server, 'one-again')
  const joined = await back.join({ topics: ['orders'], instanceId: 'i-1' })
  assert.equal(joined.status, 200)
  assert.equal(joined.body.assignment[0].partitions.length, 2)
  await back.leave('?permanent=true').expect(204)
  await back.leave('?permanent=true').expect(204)
  assert.equal((await two.page()).assignment[0]?.partitions.length, 4)
})

test('whoever joins last with an instance id has it', async (t) => {
  const server = await startWithOrders(t)
  const one = new TestMember(server, 'one')
  await one.join({ topics: ['orders'], instanceId: 'i-1' })
  await new TestMember(server, 'two').join({ topics: ['orders'], instanceId: 'i-1' })
  const fenced = await one.fetch()
  assert.equal(fenced.status, 409, fenced.text)
  assert.equal(fenced.body.code, 'FENCED_INSTANCE_ID')
})

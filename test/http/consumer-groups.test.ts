import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type ApiServer, type ApiServerOptions, startApi } from './api-server.ts'

/** A topic of three partitions whose records are `<partition>-<offset>`. */
async function startWithOrders(t: TestContext, perPartition = 4, options: ApiServerOptions = {}): Promise<ApiServer> {
  const server = await startApi(t, options)
  await server.api.put('/topics/orders').send({ partitions: 3 }).expect(201)
  if (perPartition > 0) await publish(server, perPartition)
  return server
}

async function publish({ api }: ApiServer, perPartition: number, from = 0): Promise<void> {
  const records = [0, 1, 2].flatMap((partition) =>
    Array.from({ length: perPartition }, (_, i) => ({ partition, key: 'k', value: `${partition}-${from + i}` })),
  )
  await api.post('/topics/orders/records').send({ records }).expect(200)
}

const fetchPath = '/consumer-groups/billing/topics/orders/records'
const offsetsPath = '/consumer-groups/billing/offsets'

interface Page {
  readonly records: readonly { readonly value: string; readonly partition: number; readonly offset: number }[]
  readonly cursor: string
  readonly upToDate: boolean
  readonly gaps: readonly unknown[]
  readonly partitionErrors?: readonly unknown[]
}

async function fetch({ api }: ApiServer, query = ''): Promise<Page> {
  const response = await api.get(`${fetchPath}${query}`)
  assert.equal(response.status, 200, response.text)
  return response.body
}

const values = ({ records }: Page): string[] => records.map(({ value }) => value).sort()
const all = (perPartition: number): string[] =>
  [0, 1, 2].flatMap((partition) => Array.from({ length: perPartition }, (_, i) => `${partition}-${i}`)).sort()
const commit = ({ api }: ApiServer, offsets: readonly object[]) => api.post(offsetsPath).send({ offsets })
const at = (partition: number, nextOffset: number) => ({ topic: 'orders', partition, nextOffset })

test('a group reads page by page, commits, and goes on where it was', async (t) => {
  const server = await startWithOrders(t)
  const first = await fetch(server, '?maxRecords=5')
  assert.equal(first.records.length, 5)
  assert.equal(first.upToDate, false)
  assert.deepEqual(first.gaps, [])
  const again = await fetch(server, '?maxRecords=5')
  assert.deepEqual(again, first, 'nothing moves before a commit')

  const committed = await server.api.post(offsetsPath).send({ cursor: first.cursor })
  assert.equal(committed.status, 200, committed.text)
  assert.equal(committed.body.items.length, 3)
  const lag = committed.body.items.reduce((sum: number, item: { lag: number }) => sum + item.lag, 0)
  assert.equal(lag, 7)

  const fromCommitted = await fetch(server)
  const fromCursor = await fetch(server, `?cursor=${first.cursor}`)
  assert.deepEqual(values(fromCommitted), values(fromCursor))
  assert.deepEqual([...values(first), ...values(fromCommitted)].sort(), all(4))
  assert.equal(fromCommitted.upToDate, true)
})

test('the same cursor reads the same records, whatever was committed since', async (t) => {
  const server = await startWithOrders(t)
  const { cursor } = await fetch(server, '?maxRecords=3')
  const second = await fetch(server, `?cursor=${cursor}`)
  await server.api.post(offsetsPath).send({ cursor: second.cursor }).expect(200)
  assert.deepEqual(values(await fetch(server, `?cursor=${cursor}`)), values(second))
})

test('two readers of a group both get every record', async (t) => {
  const server = await startWithOrders(t)
  assert.deepEqual(values(await fetch(server)), all(4))
  assert.deepEqual(values(await fetch(server)), all(4))
})

test('a read may be narrowed to partitions, and its cursor keeps to them', async (t) => {
  const server = await startWithOrders(t)
  const page = await fetch(server, '?partitions=0,2&maxRecords=3')
  const next = await fetch(server, `?cursor=${page.cursor}`)
  assert.deepEqual(
    [...values(page), ...values(next)].sort(),
    all(4).filter((value) => !value.startsWith('1-')),
  )
  const refused = await server.api.get(`${fetchPath}?cursor=${page.cursor}&partitions=1`)
  assert.equal(refused.status, 400)
})

test('a long poll for a group is answered by the first record', async (t) => {
  const server = await startWithOrders(t, 0)
  const { cursor } = await fetch(server)
  const waiting = server.api.get(`${fetchPath}?cursor=${cursor}&waitMs=30000`).then((response) => response.body as Page)
  while (server.engine.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
  await publish(server, 1)
  assert.ok((await waiting).records.length > 0)
})

test('autoOffsetReset says where a partition without a commit begins', async (t) => {
  const server = await startWithOrders(t)
  await commit(server, [at(0, 3)]).expect(200)
  assert.deepEqual(values(await fetch(server, '?autoOffsetReset=latest')), ['0-3'])
  assert.deepEqual(values(await fetch(server, '?autoOffsetReset=by_duration:PT1H')), ['0-3', ...all(4).slice(4)])
  const none = await server.api.get(`${fetchPath}?autoOffsetReset=none`)
  assert.equal(none.status, 409)
  assert.equal(none.body.code, 'NO_OFFSET_FOR_PARTITION')
  assert.deepEqual(none.body.partitions, [1, 2])
  assert.equal((await server.api.get(`${fetchPath}?autoOffsetReset=none&partitions=0`)).status, 200)
  const bad = await server.api.get(`${fetchPath}?autoOffsetReset=newest`)
  assert.equal(bad.status, 400)
  assert.equal(bad.body.errors[0].pointer, '?autoOffsetReset')
})

test('a position that retention has passed follows autoOffsetReset, and the page tells the gap', async (t) => {
  const server = await startWithOrders(t)
  const gap = { topic: 'orders', partition: 1, fromOffset: 0, toOffset: 2 }
  server.engine.memoryPartition('orders', 1).logStartOffset = 2
  await commit(server, [at(0, 0), at(1, 0), at(2, 0)]).expect(200)

  // The other partitions give records at once; the one behind goes on with the next page.
  const page = await fetch(server)
  assert.deepEqual(page.gaps, [gap])
  assert.equal(page.partitionErrors, undefined)
  const next = await fetch(server, `?cursor=${page.cursor}`)
  assert.deepEqual(
    [...values(page), ...values(next)].sort(),
    all(4).filter((v) => v !== '1-0' && v !== '1-1'),
  )

  // It alone.
  const alone = await fetch(server, '?partitions=1')
  assert.deepEqual(alone.gaps, [gap])
  assert.deepEqual(values(alone), ['1-2', '1-3'])
  const latest = await fetch(server, '?partitions=1&autoOffsetReset=latest')
  assert.deepEqual(latest.gaps, [{ ...gap, toOffset: 4 }])
  assert.deepEqual(latest.records, [])

  const none = await server.api.get(`${fetchPath}?partitions=1&autoOffsetReset=none`)
  assert.equal(none.status, 410, none.text)
  assert.equal(none.body.code, 'OFFSET_OUT_OF_RANGE')
  assert.deepEqual(values(await fetch(server, `?cursor=${none.body.cursor}`)), ['1-2', '1-3'])
})

test('a position beyond the end follows autoOffsetReset too', async (t) => {
  const server = await startWithOrders(t)
  await commit(server, [at(1, 4)]).expect(200)
  // A log that lost its records.
  const partition = server.engine.memoryPartition('orders', 1)
  partition.batches = []
  partition.highWatermark = 2
  const earliest = await fetch(server, '?partitions=1')
  assert.deepEqual(earliest.gaps, [{ topic: 'orders', partition: 1, fromOffset: 4, toOffset: 0 }])
  const latest = await fetch(server, '?partitions=1&autoOffsetReset=latest')
  assert.deepEqual(latest.gaps, [{ topic: 'orders', partition: 1, fromOffset: 4, toOffset: 2 }])
  const none = await server.api.get(`${fetchPath}?partitions=1&autoOffsetReset=none`)
  assert.equal(none.status, 416, none.text)
})

test('a commit never moves back and can be repeated', async (t) => {
  const server = await startWithOrders(t)
  const standing = async (nextOffset: number): Promise<unknown> =>
    (await commit(server, [at(0, nextOffset)]).expect(200)).body.items
  assert.deepEqual(await standing(3), [{ ...at(0, 3), lag: 1 }])
  assert.deepEqual(await standing(1), [{ ...at(0, 3), lag: 1 }])
  assert.deepEqual(await standing(4), [{ ...at(0, 4), lag: 0 }])
  assert.deepEqual(await standing(4), [{ ...at(0, 4), lag: 0 }])
})

test('committed offsets are listed with ends and lag, also where nothing was committed', async (t) => {
  const server = await startWithOrders(t)
  await commit(server, [{ ...at(1, 3), metadata: 'half' }]).expect(200)
  const { body } = await server.api.get(offsetsPath).expect(200)
  const nothing = {
    nextOffset: null,
    endOffset: 4,
    logStartOffset: 0,
    lag: null,
    metadata: null,
    commitTimestamp: null,
  }
  assert.deepEqual(body, {
    items: [
      { topic: 'orders', partition: 0, ...nothing },
      { ...at(1, 3), endOffset: 4, logStartOffset: 0, lag: 1, metadata: 'half', commitTimestamp: server.clock.now() },
      { topic: 'orders', partition: 2, ...nothing },
    ],
    nextCursor: null,
  })

  const page = await server.api.get(`${offsetsPath}?limit=2`).expect(200)
  assert.deepEqual(page.body.items, body.items.slice(0, 2))
  const rest = await server.api.get(`${offsetsPath}?cursor=${page.body.nextCursor}`).expect(200)
  assert.deepEqual(rest.body, { items: body.items.slice(2), nextCursor: null })

  await server.api.put('/topics/other').send({ partitions: 1 }).expect(201)
  const other = await server.api.get(`${offsetsPath}?topic=other`).expect(200)
  assert.deepEqual(
    other.body.items.map((item: { topic: string }) => item.topic),
    ['other'],
  )
  assert.equal((await server.api.get(`${offsetsPath}?topic=none`)).body.code, 'UNKNOWN_TOPIC_OR_PARTITION')
})

test('groups are listed, described and deleted', async (t) => {
  const server = await startWithOrders(t)
  for (const group of ['b', 'c', 'a']) {
    await server.api
      .post(`/consumer-groups/${group}/offsets`)
      .send({ offsets: [at(0, 1)] })
      .expect(200)
  }
  const summary = { group: 'a', state: 'Empty', type: 'consumer', memberCount: 0 }
  const first = await server.api.get('/consumer-groups?limit=1').expect(200)
  assert.deepEqual(first.body.items, [summary])
  const rest = await server.api.get(`/consumer-groups?cursor=${first.body.nextCursor}`).expect(200)
  assert.deepEqual(
    rest.body.items.map(({ group }: { group: string }) => group),
    ['b', 'c'],
  )

  const { body } = await server.api.get('/consumer-groups/a').expect(200)
  const { offsets, ...described } = body
  const neverHadMembers = { groupEpoch: 0, assignmentEpoch: 0, assignor: null, members: [] }
  assert.deepEqual(described, { ...summary, ...neverHadMembers })
  assert.deepEqual(offsets, (await server.api.get('/consumer-groups/a/offsets')).body.items)

  await server.api.delete('/consumer-groups/a').expect(204)
  for (const gone of [server.api.get('/consumer-groups/a'), server.api.delete('/consumer-groups/a')]) {
    const response = await gone
    assert.equal(response.status, 404)
    assert.equal(response.body.code, 'GROUP_ID_NOT_FOUND')
  }
})

test('a reset moves anywhere, and says what it would do before it does', async (t) => {
  const server = await startWithOrders(t)
  await commit(server, [at(0, 3)]).expect(200)
  const reset = (body: object, query = '') => server.api.put(`${offsetsPath}${query}`).send(body)
  const item = (partition: number, from: number | null, to: number) => ({
    topic: 'orders',
    partition,
    from,
    to,
    endOffset: 4,
  })

  const earliest = { topics: ['orders'], to: 'earliest' }
  const dry = await reset(earliest, '?dryRun=true').expect(200)
  assert.deepEqual(dry.body.items, [item(0, 3, 0), item(1, null, 0), item(2, null, 0)])
  assert.deepEqual((await reset(earliest, '?dryRun=true')).body, dry.body, 'a dry run changes nothing')

  assert.deepEqual((await reset(earliest).expect(200)).body, dry.body)
  assert.deepEqual(values(await fetch(server)), all(4))
  const latest = await reset({ topics: ['orders'], to: 'latest' }).expect(200)
  assert.deepEqual(latest.body.items, [item(0, 0, 4), item(1, 0, 4), item(2, 0, 4)])
  // No record is so young: the end.
  server.clock.advance(60_000)
  assert.deepEqual((await reset({ topics: ['orders'], to: '-1s' }).expect(200)).body.items[0], item(0, 4, 4))
  assert.deepEqual((await reset({ offsets: [at(2, 1)] }).expect(200)).body.items, [item(2, 4, 1)])
  assert.deepEqual(values(await fetch(server)), ['2-1', '2-2', '2-3'])
})

test('offsets are forgotten by topic or all, and a group with none is gone', async (t) => {
  const server = await startWithOrders(t)
  await server.api.put('/topics/other').send({ partitions: 1 }).expect(201)
  await commit(server, [at(0, 1), { topic: 'other', partition: 0, nextOffset: 0 }]).expect(200)
  await server.api.delete(`${offsetsPath}?topic=orders`).expect(204)
  const left = await server.api.get(offsetsPath).expect(200)
  assert.deepEqual(
    left.body.items.map((item: { topic: string }) => item.topic),
    ['other'],
  )
  assert.equal((await server.api.delete(`${offsetsPath}?topic=none`)).status, 404)
  await server.api.delete(offsetsPath).expect(204)
  assert.equal((await server.api.get('/consumer-groups/billing')).status, 404)
  assert.equal((await server.api.delete(offsetsPath)).status, 404)
})

test('a topic deleted and made again shares nothing with its namesake', async (t) => {
  const server = await startWithOrders(t)
  const { cursor } = await fetch(server)
  await commit(server, [at(0, 3)]).expect(200)
  await server.api.delete('/topics/orders').expect(204)
  const gone = await server.api.post(offsetsPath).send({ cursor })
  assert.equal(gone.status, 404)
  assert.equal(gone.body.code, 'UNKNOWN_TOPIC_ID')
  await server.api.put('/topics/orders').send({ partitions: 3 }).expect(201)
  await publish(server, 1)
  assert.equal((await server.api.get(`${fetchPath}?cursor=${cursor}`)).body.code, 'UNKNOWN_TOPIC_ID')
  assert.deepEqual(values(await fetch(server)), all(1))
})

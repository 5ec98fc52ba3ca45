import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApi } from './api-server.ts'

test('records are published and read back by partition, address and browse', async (t) => {
  const { api } = await startApi(t)
  await api.put('/topics/orders').send({ partitions: 4 }).expect(201)
  const published = await api
    .post('/topics/orders/records')
    .send({ records: [{ key: 'user-42', value: { total: 12.5 }, partition: 3 }] })
  assert.equal(published.status, 200, published.text)
  assert.deepEqual(published.body, {
    topic: 'orders',
    records: [{ partition: 3, offset: 0, timestamp: 1_700_000_000_000 }],
    durability: 'fsync',
    duplicate: false,
  })
  const record = {
    topic: 'orders',
    partition: 3,
    offset: 0,
    timestamp: 1_700_000_000_000,
    key: 'user-42',
    value: { total: 12.5 },
    headers: [],
  }
  const page = await api.get('/topics/orders/partitions/3/records')
  assert.deepEqual(page.body, { records: [record], nextOffset: 1, upToDate: true, highWatermark: 1, logStartOffset: 0 })
  const browsed = await api.get('/topics/orders/records')
  assert.deepEqual(browsed.body.records, [record])
  assert.equal(browsed.body.upToDate, true)
  assert.deepEqual(browsed.body.partitions, [
    { topic: 'orders', partition: 3, nextOffset: 1, highWatermark: 1, logStartOffset: 0 },
  ])
  const again = await api.get('/topics/orders/records').query({ cursor: browsed.body.cursor })
  assert.deepEqual(again.body.records, [])
  const one = await api.get('/topics/orders/partitions/3/records/0')
  assert.deepEqual(one.body, record)
  assert.equal(one.headers['cache-control'], 'no-cache')
  const tag = one.headers['etag'] ?? ''
  await api.get('/topics/orders/partitions/3/records/0').set('If-None-Match', tag).expect(304)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApi } from './api-server.ts'

const path = '/topics/orders/partitions/0/records'

async function withRecords(t: Parameters<typeof startApi>[0], configs: Record<string, string> = {}) {
  const server = await startApi(t)
  await server.api.put('/topics/orders').send({ partitions: 1, configs })
  const records = ['a', 'b', 'c'].map((key) => ({ key, value: key }))
  const published = await server.api.post('/topics/orders/records').send({ records })
  assert.equal(published.status, 200, published.text)
  return server
}

test('records before an offset are deleted, and reading them is 410 with the bounds', async (t) => {
  const { api } = await withRecords(t)
  const deleted = await api.delete(`${path}?beforeOffset=2`)
  assert.equal(deleted.status, 200, deleted.text)
  assert.deepEqual(deleted.body, { topic: 'orders', partition: 0, logStartOffset: 2, highWatermark: 3 })
  const gone = await api.get(`${path}?offset=1`)
  assert.equal(gone.status, 410)
  assert.deepEqual([gone.body.logStartOffset, gone.body.highWatermark], [2, 3])
  const rest = await api.get('/topics/orders/records')
  assert.deepEqual(
    rest.body.records.map(({ value }: { value: string }) => value),
    ['c'],
  )
  const all = await api.delete(`${path}?beforeOffset=latest`)
  assert.equal(all.body.logStartOffset, 3)
  // A reply that was lost can be asked for again.
  assert.deepEqual((await api.delete(`${path}?beforeOffset=2`)).body, all.body)
})

test('an offset that is missing, no number or beyond the end is refused with the remedy', async (t) => {
  const { api } = await withRecords(t)
  const missing = await api.delete(path)
  assert.equal(missing.status, 400)
  assert.match(missing.text, /beforeOffset/)
  for (const text of ['-1', '1.5', 'earliest', '1e3', '9007199254740992', '%20']) {
    const refused = await api.delete(`${path}?beforeOffset=${text}`)
    assert.equal(refused.status, 400, text)
    assert.equal(refused.body.errors[0].pointer, '?beforeOffset')
    assert.match(refused.body.detail, /latest/)
  }
  const beyond = await api.delete(`${path}?beforeOffset=4`)
  assert.equal(beyond.status, 416)
  assert.equal(beyond.body.code, 'OFFSET_OUT_OF_RANGE')
})

test('a topic that is only compacted, an internal one and one that is not there refuse', async (t) => {
  const { api } = await withRecords(t, { 'cleanup.policy': 'compact' })
  const compacted = await api.delete(`${path}?beforeOffset=1`)
  assert.equal(compacted.status, 403)
  assert.equal(compacted.body.code, 'POLICY_VIOLATION')
  assert.match(compacted.body.detail, /tombstone/)
  await api.patch('/topics/orders').send({ configs: { 'cleanup.policy': 'compact,delete' } })
  assert.equal((await api.delete(`${path}?beforeOffset=1`)).status, 200)
  const internal = await api.delete('/topics/__consumer_offsets/partitions/0/records?beforeOffset=1')
  assert.equal(internal.status, 400)
  assert.equal(internal.body.code, 'INVALID_TOPIC_EXCEPTION')
  assert.equal((await api.delete('/topics/nowhere/partitions/0/records?beforeOffset=0')).status, 404)
  const partition = await api.delete('/topics/orders/partitions/1/records?beforeOffset=0')
  assert.equal(partition.status, 404)
  assert.match(partition.body.detail, /partition 1/)
})

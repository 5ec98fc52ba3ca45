import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApi } from './api-server.ts'

test('a topic is created, described, listed and deleted', async (t) => {
  const { api } = await startApi(t)
  const created = await api
    .post('/topics')
    .send({ name: 'orders', partitions: 3, configs: { 'retention.ms': 86_400_000 } })
  assert.equal(created.status, 201, created.text)
  assert.equal(created.headers['location'], '/topics/orders')
  assert.equal(created.headers['cache-control'], 'no-store')
  assert.deepEqual(created.body.configs['retention.ms'], { value: '86400000', source: 'topic' })
  assert.deepEqual(created.body.configs['cleanup.policy'], { value: 'delete', source: 'default' })

  const described = await api.get('/topics/orders')
  assert.deepEqual(described.body, created.body)

  const listed = await api.get('/topics?prefix=ord')
  const { configs: _configs, ...item } = created.body
  assert.deepEqual(listed.body, { items: [item], nextCursor: null })

  const deleted = await api.delete('/topics/orders')
  assert.equal(deleted.status, 204)
  assert.equal(deleted.text, '')
  assert.equal((await api.get('/topics/orders')).status, 404)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApi, type ApiServer } from './api-server.ts'

async function startWithTopic(t: Parameters<typeof startApi>[0]): Promise<ApiServer> {
  const server = await startApi(t)
  await server.api.put('/topics/orders').send({ partitions: 2 }).expect(201)
  return server
}

async function post({ url }: ApiServer, query: string, body?: Buffer | string, headers: Record<string, string> = {}) {
  const answer = await fetch(`${url}/topics/orders/raw?${query}`, {
    method: 'POST',
    headers,
    ...(body !== undefined && { body: Buffer.from(body) }),
  })
  return { status: answer.status, reply: JSON.parse(await answer.text()) }
}

async function newest({ api }: ApiServer, partition: number) {
  const { body } = await api.get(`/topics/orders/partitions/${partition}/records?format=base64`).expect(200)
  return body.records.at(-1)
}

test('the body is the value whatever it is called', async (t) => {
  const server = await startWithTopic(t)
  const value = Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i))
  const types = ['image/png', 'application/json', 'application/x-ndjson', 'text/plain; charset=latin1', 'nonsense', '']
  for (const [offset, type] of types.entries()) {
    const headers: Record<string, string> = type === '' ? {} : { 'content-type': type }
    const { status, reply } = await post(server, 'partition=1', value, headers)
    assert.deepEqual([status, reply.records[0].partition, reply.records[0].offset], [200, 1, offset], type)
    assert.equal((await newest(server, 1)).value, value.toString('base64'), type)
  }
})

test('an empty body is an empty value, and key, partition and time stand in the query', async (t) => {
  const server = await startWithTopic(t)
  const { status, reply } = await post(server, 'key=a%20b&partition=0&timestamp=2023-11-14T22:00:00Z')
  assert.deepEqual([status, reply.records[0].timestamp], [200, Date.parse('2023-11-14T22:00:00Z')])
  const { key, value, headers } = await newest(server, 0)
  assert.deepEqual([key, value, headers], [Buffer.from('a b').toString('base64'), '', []])
  await post(server, 'key=%2B/8%3D&keyEncoding=base64&partition=0', 'x')
  assert.equal((await newest(server, 0)).key, '+/8=')
  await post(server, 'partition=0', 'x')
  assert.equal((await newest(server, 0)).key, null)
  const accepted = await post(server, 'acks=0', 'x')
  assert.equal(accepted.status, 202)
})

test('what is refused names the parameter, and stores nothing', async (t) => {
  const server = await startWithTopic(t)
  for (const [query, pointer] of [
    ['partition=2', '?partition'],
    ['partition=x', '?partition'],
    ['timestamp=1700000000', '?timestamp'],
    ['timestamp=soon', '?timestamp'],
    ['timestamp=1700009000000', '?timestamp'],
    ['keyEncoding=base64', '?keyEncoding'],
    ['keyEncoding=base64&key=*', '?key'],
    ['key=%ff', '?key'],
    ['key=100%', '?key'],
    ['key=%ED%A0%80', '?key'],
    ['value=x', '?value'],
    ['acks=2', '?acks'],
  ] as const) {
    const { status, reply } = await post(server, query, 'x')
    assert.ok(status >= 400 && status < 500, query)
    assert.deepEqual([reply.errors[0].pointer, reply.stored], [pointer, 'no'], query)
  }
  assert.deepEqual((await server.api.get('/topics/orders/records')).body.records, [])
})

test('a value sent twice under one key is stored once', async (t) => {
  const server = await startWithTopic(t)
  const headers = { 'idempotency-key': 'one', 'content-type': 'image/png' }
  const first = await post(server, 'key=a', 'x', headers)
  const second = await post(server, 'key=a', 'x', headers)
  assert.deepEqual(second.reply.records, first.reply.records)
  assert.deepEqual([first.reply.duplicate, second.reply.duplicate], [false, true])
})

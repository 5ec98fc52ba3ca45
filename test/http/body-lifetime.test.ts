import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import * as http from 'node:http'
import { once } from 'node:events'
import { test } from 'node:test'
import { startApi } from './api-server.ts'

/** Large enough for the memory of bodies that is used again; the same size whatever the letter. */
const valueOf = (letter: string): string => letter.repeat(20_000)

test('the body of a client that is gone keeps its memory until its records are encoded', async (t) => {
  const { api, app, engine, url } = await startApi(t)
  await api.put('/topics/orders').send({ partitions: 1 }).expect(201)
  const created = Promise.withResolvers<void>()
  const creating = Promise.withResolvers<void>()
  const create = engine.create.bind(engine)
  t.mock.method(engine, 'create', async (topic: Parameters<typeof create>[0]) => {
    creating.resolve()
    await created.promise
    return create(topic)
  })

  const gone = new Promise<unknown>((resolve) => {
    app.server.once('request', (_request, reply: ServerResponse) => resolve(once(reply, 'close')))
  })
  const client = http.request(`${url}/topics/fresh/records`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
  })
  client.on('error', () => {})
  client.end(JSON.stringify({ records: [{ value: valueOf('a'), partition: 0 }] }))
  await creating.promise
  client.destroy()
  await gone

  for (const letter of ['b', 'c', 'd']) {
    await api
      .post('/topics/orders/records')
      .send({ records: [{ value: valueOf(letter), partition: 0 }] })
      .expect(200)
  }
  created.resolve()
  const read = await api.get('/topics/fresh/partitions/0/records').query({ waitMs: 0 })
  assert.deepEqual(
    read.body.records.map(({ value }: { value: string }) => value),
    [valueOf('a')],
  )
})

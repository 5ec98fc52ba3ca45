import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type ApiServer, startApi } from './api-server.ts'

const offsetsPath = '/consumer-groups/billing/offsets'

interface ReplacedTopic {
  readonly server: ApiServer
  readonly arm: () => void
  readonly replaced: () => boolean
}

/** Ten records were published, and whoever next asks where the topic ends has it deleted and made again. */
async function startWithNamesake(t: TestContext): Promise<ReplacedTopic> {
  const server = await startApi(t)
  await server.api.put('/topics/orders').send({ partitions: 1 }).expect(201)
  const records = Array.from({ length: 10 }, (_, i) => ({ value: `${i}` }))
  await server.api.post('/topics/orders/records').send({ records }).expect(200)
  const { engine } = server
  const listOffsets = engine.listOffsets.bind(engine)
  let armed = false
  let replaced = false
  engine.listOffsets = async (queries) => {
    const answers = await listOffsets(queries)
    if (armed && !replaced) {
      replaced = true
      await server.api.delete('/topics/orders').expect(204)
      await server.api.put('/topics/orders').send({ partitions: 1 }).expect(201)
    }
    return answers
  }
  return { server, replaced: () => replaced, arm: () => void (armed = true) }
}

async function nothingIsCommitted({ api }: ApiServer): Promise<void> {
  const { body } = await api.get(`${offsetsPath}?topic=orders`)
  const committed = body.items?.map(({ nextOffset }: { nextOffset: number | null }) => nextOffset)
  assert.deepEqual(committed ?? body.code, committed === undefined ? 'GROUP_ID_NOT_FOUND' : [null])
}

test('what was read of a topic is not committed for one that gets its name meanwhile', async (t) => {
  const requests = [
    (_: ApiServer, cursor: string) => ['post', { cursor }] as const,
    () => ['post', { offsets: [{ topic: 'orders', partition: 0, nextOffset: 10 }] }] as const,
    () => ['put', { topics: ['orders'], to: 'latest' }] as const,
    () => ['put', { offsets: [{ topic: 'orders', partition: 0, nextOffset: 10 }] }] as const,
  ]
  for (const requestOf of requests) {
    const { server, arm, replaced } = await startWithNamesake(t)
    const page = await server.api.get('/consumer-groups/billing/topics/orders/records').expect(200)
    arm()
    const [method, body] = requestOf(server, page.body.cursor)
    const refused = await server.api[method](offsetsPath).send(body)
    assert.ok(replaced())
    assert.equal(refused.status, 404, refused.text)
    await nothingIsCommitted(server)
  }
})

test('a member that joins at the end of a topic does not skip what a namesake gets meanwhile', async (t) => {
  const { server, arm, replaced } = await startWithNamesake(t)
  arm()
  const body = { topics: ['orders'], autoOffsetReset: 'latest' }
  await server.api.put('/consumer-groups/billing/members/one').send(body).expect(201)
  assert.ok(replaced())
  await nothingIsCommitted(server)
})

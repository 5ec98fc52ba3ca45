import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { startApi, type ApiServer } from './api-server.ts'

const MIB = 1024 * 1024
const BODY = Buffer.from(JSON.stringify({ records: [{ key: 'a', value: { text: 'é'.repeat(1000) } }] }))

const packers: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
  ['gzip', (bytes) => gzipSync(bytes)],
  ['X-GZIP', (bytes) => gzipSync(bytes)],
  ['zstd', (bytes) => zstdCompressSync(bytes)],
]

async function post(server: ApiServer, body: Buffer, encoding: string, target = '/topics/orders/records') {
  const headers = { 'content-type': 'application/json', 'content-encoding': encoding }
  const answer = await fetch(server.url + target, { method: 'POST', body, headers })
  const reply: Record<string, unknown> = JSON.parse(await answer.text())
  return { status: answer.status, reply }
}

async function storedIn(server: ApiServer): Promise<number> {
  const { body } = await server.api.get('/topics/orders/records?maxRecords=10000')
  return body.records.length
}

test('bodies may come packed: in one frame, in several, in any pieces', async (t) => {
  const server = await startApi(t)
  await server.api.put('/topics/orders').send({ partitions: 1 }).expect(201)
  for (const [encoding, pack] of packers) {
    assert.equal((await post(server, pack(BODY), encoding)).status, 200, encoding)
    const parts = Buffer.concat([pack(BODY.subarray(0, 100)), pack(BODY.subarray(100, 101)), pack(BODY.subarray(101))])
    assert.equal((await post(server, parts, encoding)).status, 200, encoding)
  }
  assert.equal((await post(server, BODY, 'identity')).status, 200)
  assert.equal(await storedIn(server), 7)
  const created = await post(server, gzipSync('{"name":"packed"}'), 'gzip', '/topics')
  assert.equal(created.status, 201)
})

test('a packed body that ends early, goes on too long or is none is refused, and nothing of it is stored', async (t) => {
  const server = await startApi(t)
  await server.api.put('/topics/orders').send({ partitions: 1 }).expect(201)
  for (const [encoding, pack] of packers) {
    const whole = pack(BODY)
    const bad: Record<string, Buffer> = {
      'cut at its end': whole.subarray(0, whole.length - 1),
      'cut in the middle': whole.subarray(0, whole.length >> 1),
      'cut at its beginning': whole.subarray(0, 3),
      'zeros behind': Buffer.concat([whole, Buffer.alloc(7)]),
      'text behind': Buffer.concat([whole, Buffer.from('text')]),
      'not packed': BODY,
      'no bytes': Buffer.alloc(0),
    }
    for (const [name, body] of Object.entries(bad)) {
      const { status, reply } = await post(server, body, encoding)
      assert.deepEqual([status, reply['code'], reply['stored']], [400, 'INVALID_REQUEST', 'no'], `${encoding} ${name}`)
    }
  }
  for (const encoding of ['br', 'deflate', 'gzip, gzip', 'compress', 'zstd;q=1']) {
    const { status, reply } = await post(server, BODY, encoding)
    assert.deepEqual([status, reply['code'], reply['stored']], [415, 'UNSUPPORTED_MEDIA_TYPE', 'no'], encoding)
    assert.match(String(reply['detail']), /gzip or zstd/)
  }
  assert.equal(await storedIn(server), 0)
  assert.equal(server.load.bodies.bytes, 0)
})

test('what unpacks to more than a body may be is refused without unpacking the rest', async (t) => {
  const server = await startApi(t, { requestMaxBytes: 4 * MIB })
  const zeros = Buffer.alloc(256 * MIB)
  const bombs: readonly (readonly [string, Buffer])[] = [
    ['gzip', gzipSync(zeros)],
    ['zstd', zstdCompressSync(zeros)],
  ]
  for (const [encoding, bomb] of bombs) {
    const { status, reply } = await post(server, bomb, encoding)
    assert.deepEqual([status, reply['code'], reply['stored']], [413, 'REQUEST_TOO_LARGE', 'no'], encoding)
    assert.equal(server.load.bodies.bytes, 0)
  }
  const wide = zstdCompressSync(zeros, { params: { [constants.ZSTD_c_windowLog]: 26 } })
  const { status, reply } = await post(server, wide, 'zstd')
  assert.equal(status, 400)
  assert.match(String(reply['detail']), /window/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { startApi, type ApiServer } from './api-server.ts'

const TYPES = {
  records: 'application/json',
  lines: 'application/x-ndjson',
  raw: 'application/octet-stream',
  'partitions/0/batches': 'application/vnd.kafka.record-batches',
} as const

async function post({ url }: ApiServer, path: string, body: Uint8Array, headers: Record<string, string>) {
  const answer = await fetch(`${url}/topics/orders/${path}`, { method: 'POST', body: Buffer.from(body), headers })
  const text = await answer.text()
  const reply: Record<string, unknown> = JSON.parse(text.trim().split('\n').at(-1) ?? '')
  return { status: answer.status, reply }
}

async function endOf(server: ApiServer): Promise<number> {
  const { body } = await server.api.get('/topics/orders/partitions/0')
  return body.highWatermark
}

const record = fc.record({ key: fc.string(), value: fc.oneof(fc.string(), fc.object({ maxDepth: 2 })) })
const recordTexts = fc.array(record, { maxLength: 4 })

/** Bodies that are nearly right reach further than noise does. */
const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  recordTexts.map((records) => Buffer.from(JSON.stringify({ records }))),
  recordTexts.map((records) => Buffer.from(records.map((one) => `${JSON.stringify(one)}\n`).join(''))),
)
const damaged = fc
  .tuple(body, fc.option(fc.tuple(fc.nat(), fc.nat(255))), fc.constantFrom('', 'gzip', 'zstd', 'claimed'))
  .map(([bytes, flip, encoding]) => {
    const packed = encoding === 'gzip' ? gzipSync(bytes) : encoding === 'zstd' ? zstdCompressSync(bytes) : bytes
    const sent = Buffer.from(packed)
    if (flip !== null && sent.length > 0) sent[flip[0] % sent.length] = flip[1]
    return { sent, encoding: encoding === 'claimed' ? 'gzip' : encoding }
  })

test('any bytes on any path that publishes are stored or refused, and nothing is stored of what is refused', async (t) => {
  const server = await startApi(t)
  await server.api.put('/topics/orders').send({ partitions: 1 }).expect(201)
  const paths = fc.constantFrom('records', 'lines', 'raw', 'partitions/0/batches')
  await fc.assert(
    fc.asyncProperty(paths, damaged, async (path, { sent, encoding }) => {
      const before = await endOf(server)
      const headers = { 'content-type': TYPES[path], ...(encoding !== '' && { 'content-encoding': encoding }) }
      const { status, reply } = await post(server, path, sent, headers)
      server.clock.advance(5000)
      const stored = (await endOf(server)) - before
      assert.ok(status < 500, `${status} ${JSON.stringify(reply)}`)
      if (path === 'lines') assert.equal(reply['recordCount'] ?? 0, stored)
      else if (status >= 400) assert.equal(stored, 0)
      if (status >= 400) assert.equal(reply['stored'], stored === 0 ? 'no' : 'partial')
      assert.equal(server.load.bodies.bytes, 0)
    }),
    { numRuns: 250 },
  )
})

test('what is taken as lines reads back as it was sent', async (t) => {
  const server = await startApi(t)
  await server.api.put('/topics/orders').send({ partitions: 1 }).expect(201)
  await fc.assert(
    fc.asyncProperty(recordTexts, fc.constantFrom('\n', '\r\n', '\n\n'), async (records, end) => {
      const before = await endOf(server)
      const lines = Buffer.from(records.map((one) => JSON.stringify(one) + end).join(''))
      const { status } = await post(server, 'lines?valueFormat=json', lines, { 'content-type': TYPES.lines })
      assert.equal(status, 200)
      const target = `/topics/orders/partitions/0/records?keyFormat=string&valueFormat=json&offset=${before}`
      const { body: page } = await server.api.get(target)
      const read = page.records.map(({ key, value }: { key: string; value: unknown }) => ({ key, value }))
      assert.equal(JSON.stringify(read), JSON.stringify(records))
    }),
    { numRuns: 100 },
  )
})

test('no spelling of another Content-Type reaches the parser of a path', async (t) => {
  const server = await startApi(t)
  await server.api.put('/topics/orders').send({ partitions: 1 }).expect(201)
  const good = {
    records: Buffer.from('{"records":[{"value":"a"}]}'),
    lines: Buffer.from('{"value":"a"}\n'),
  }
  const others = ['text/plain', 'application/octet-stream', 'multipart/form-data; boundary=x', '*/*', 'application/*']
  let tried = 0
  for (const path of ['records', 'lines'] as const) {
    const type = TYPES[path]
    const [main = '', sub = ''] = type.split('/')
    const mutations = [
      ...others,
      ...Object.values(TYPES).filter((other) => other !== type),
      `${type}x`,
      `x${type}`,
      `${type}/x`,
      `${main}/${sub}+x`,
      `${main}/x+${sub}`,
      `${main}/${sub.slice(0, -1)}`,
      `${main}/${sub.slice(1)}`,
      `${main}//${sub}`,
      main,
      sub,
      `/${sub}`,
      `${main}/`,
      `${main} /${sub}`,
      `${main}/ ${sub}`,
      `${type}, text/plain`,
      `text/plain, ${type}`,
      `text/plain; ${type}`,
      `text/plain; type=${type}`,
      `${type} text`,
      `"${type}"`,
      `${type}%00`,
      `${type}\u00a0x`,
      `${main}\\${sub}`,
      `${main}/${sub}.`,
      `${main}/*`,
      `*/${sub}`,
      `${main}-${sub}`,
    ]
    for (const mutation of mutations) {
      tried++
      const { status, reply } = await post(server, path, good[path], { 'content-type': mutation })
      assert.deepEqual([status, reply['stored']], [415, 'no'], mutation)
      server.clock.advance(5000)
    }
    for (const same of [type.toUpperCase(), `${type}; charset=utf-8`, `${type};charset=latin1`, `${type} ; q=1`]) {
      assert.equal((await post(server, path, good[path], { 'content-type': same })).status, 200, same)
    }
  }
  assert.ok(tried >= 60)
  assert.equal(await endOf(server), 8)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { BodyBuffers } from '../../src/http/body-buffers.ts'
import { startWithTopic, linesOf, post, keysOf, keys } from './lines-client.ts'

test('a stream of lines is stored in its order, and a summary tells of it', async (t) => {
  const server = await startWithTopic(t)
  const { status, type, last } = await post(server, linesOf(0, 3500))
  assert.deepEqual([status, type], [200, 'application/x-ndjson'])
  assert.deepEqual(last, {
    topic: 'orders',
    lineCount: 3500,
    recordCount: 3500,
    partitions: [{ partition: 0, recordCount: 3500, firstOffset: 0, lastOffset: 3499 }],
    durability: 'fsync',
  })
  assert.deepEqual(await keysOf(server), keys(3500))
  assert.equal(server.load.bodies.bytes, 0)
})

test('with results=lines each group is told of, and the summary comes last', async (t) => {
  const server = await startWithTopic(t)
  const { told, last } = await post(server, linesOf(0, 2500), '/topics/orders/lines?results=lines')
  let line = 1
  let offset = 0
  for (const result of told.slice(0, -1)) {
    assert.equal(result.firstLine, line)
    assert.deepEqual(result.partitions, [
      {
        partition: 0,
        recordCount: result.recordCount,
        firstOffset: offset,
        lastOffset: offset + result.recordCount - 1,
      },
    ])
    line = result.lastLine + 1
    offset += result.recordCount
  }
  assert.deepEqual([line, offset, last.lineCount, last.recordCount], [2501, 2500, 2500, 2500])
})

test('blank lines, CRLF, a byte order mark and a last line without its end are fine', async (t) => {
  const server = await startWithTopic(t)
  const body = `\ufeff{"key":"k0"}\r\n\n \t\r\n{"key":"k1","value":null}\n\n{"key":"k2"}`
  const { status, last } = await post(server, body)
  assert.deepEqual([status, last.lineCount, last.recordCount], [200, 6, 3])
  assert.deepEqual(await keysOf(server), keys(3))
  const none = await post(server, '')
  assert.deepEqual([none.status, none.last.recordCount], [200, 0])
})

test('what was read as lines can be published as lines', async (t) => {
  const server = await startWithTopic(t)
  const records = [
    { key: 'a', value: { deep: [1, { x: 'é\n' }] }, headers: [{ name: 'h', value: 'v' }] },
    { key: null, value: 'text "quoted"', timestamp: 1_699_999_999_000 },
    { key: 'b', value: null },
    { key: 'AAH/', keyEncoding: 'base64', value: '/w==', valueEncoding: 'base64' },
  ]
  await server.api.post('/topics/orders/records').send({ records }).expect(200)
  const text = await (await fetch(`${server.url}/topics/orders/lines`)).text()
  assert.equal((await post(server, text, '/topics/copy/lines?format=auto')).status, 200)
  const copy = await (await fetch(`${server.url}/topics/copy/lines`)).text()
  const shown = (lines: string): unknown[] =>
    lines
      .trim()
      .split('\n')
      .map((line) => ({ ...JSON.parse(line), topic: '', partition: 0, offset: 0 }))
      .sort((one, other) => JSON.stringify(one).localeCompare(JSON.stringify(other)))
  assert.deepEqual(shown(copy), shown(text))
})

test('a bad line stops the stream: those before it are stored, it is told by its number', async (t) => {
  const bad: readonly (readonly [string, string, string])[] = [
    ['{"value":7}', 'INVALID_REQUEST', '/value'],
    ['{"value":"a"', 'INVALID_JSON', ''],
    ['{"value":\n"a"}', 'INVALID_JSON', ''],
    ['[]', 'INVALID_REQUEST', ''],
    ['{}', 'INVALID_REQUEST', ''],
    ['{"value":"a"} {"value":"b"}', 'INVALID_JSON', ''],
    ['{"value":"*","valueEncoding":"base64"}', 'INVALID_REQUEST', '/value'],
    ['{"value":"a","headers":[{"name":7}]}', 'INVALID_REQUEST', '/headers/0/name'],
    ['{"value":"a","vlaue":"b"}', 'INVALID_REQUEST', '/vlaue'],
    ['{"value":"a","partition":9}', 'UNKNOWN_TOPIC_OR_PARTITION', '/partition'],
    ['{"value":"a","timestamp":1700009000000}', 'INVALID_TIMESTAMP', '/timestamp'],
  ]
  for (const [line, code, pointer] of bad) {
    for (const before of [0, 2, 1000, 1503]) {
      const server = await startWithTopic(t)
      const { last } = await post(server, `${linesOf(0, before)}${line}\n${linesOf(before, 5000)}`)
      assert.equal(last.code, code, `${line}: ${last.detail}`)
      assert.deepEqual([last.line, last.nextLine, last.recordCount], [before + 1, before + 1, before], line)
      assert.equal(last.stored, before === 0 ? 'no' : 'partial')
      assert.equal(last.errors[0].pointer, pointer)
      assert.match(last.detail, new RegExp(`Line ${before + 1}\\b`))
      assert.deepEqual(await keysOf(server), keys(before))
      assert.equal(server.load.bodies.bytes, 0)
    }
  }
})

test('bytes that are not UTF-8 are found in their line', async (t) => {
  const server = await startWithTopic(t)
  const { last } = await post(
    server,
    Buffer.concat([Buffer.from(`${linesOf(0, 5)}{"value":"`), Buffer.of(0xff), Buffer.from('"}\n')]),
  )
  assert.deepEqual([last.code, last.line, last.recordCount], ['INVALID_JSON', 6, 5])
})

test('a line longer than a body may be is refused, with those before it stored', async (t) => {
  const server = await startWithTopic(t, { requestMaxBytes: 200_000 })
  const { status, last } = await post(server, `${linesOf(0, 3)}{"value":"${'x'.repeat(400_000)}"}\n`)
  assert.deepEqual([status, last.code, last.line, last.recordCount], [413, 'REQUEST_TOO_LARGE', 4, 3])
  assert.match(last.detail, /request\.max\.bytes/)
})

test('a line may be as long as a body and no longer, wherever the pieces end in which it comes', async (t) => {
  const server = await startWithTopic(t, { requestMaxBytes: 200_000 })
  const ofLength = (bytes: number): string => `{"value":"${'x'.repeat(bytes - 12)}"}\n`
  assert.equal((await post(server, ofLength(200_000))).status, 200)
  assert.equal((await post(server, ofLength(200_001))).status, 413)
})

test('no memory is taken for what makes a line too long', async (t) => {
  const server = await startWithTopic(t, { requestMaxBytes: 256 * 1024 })
  const take = t.mock.method(BodyBuffers.prototype, 'take')
  const { status } = await post(server, gzipSync(Buffer.alloc(8 * 1024 * 1024, 'x')), '/topics/orders/lines', {
    'content-encoding': 'gzip',
  })
  assert.equal(status, 413)
  const most = Math.max(...take.mock.calls.map(({ arguments: [bytes] }) => bytes))
  assert.equal(most, 256 * 1024)
})

test('a failure of the log tells what is stored, and from which line to go on', async (t) => {
  const server = await startWithTopic(t)
  const append = server.engine.append.bind(server.engine)
  let appends = 0
  t.mock.method(server.engine, 'append', (request: Parameters<typeof append>[0]) => {
    if (++appends < 3) return append(request)
    return Promise.reject(new BrokerError('KAFKA_STORAGE_ERROR', 'The disk is gone.', { stored: 'no' }))
  })
  const { status, last } = await post(server, linesOf(0, 9000))
  assert.deepEqual([status, last.code, last.stored, last.recovery], [503, 'KAFKA_STORAGE_ERROR', 'partial', 'none'])
  assert.equal(last.nextLine, last.recordCount + 1)
  assert.equal(last.groups[0].firstLine, last.nextLine)
  assert.equal(last.line, undefined)
  assert.deepEqual(await keysOf(server), keys(last.recordCount))
})

test('streams may come packed, and one that breaks keeps the lines before', async (t) => {
  const server = await startWithTopic(t)
  const text = Buffer.from(linesOf(0, 3000))
  const packed = { gzip: gzipSync(text), zstd: zstdCompressSync(text) }
  for (const [encoding, body] of Object.entries(packed)) {
    const { status, last } = await post(server, body, '/topics/orders/lines', { 'content-encoding': encoding })
    assert.deepEqual([status, last.recordCount], [200, 3000], encoding)
    const twice = Buffer.concat([body, body])
    const both = await post(server, twice, '/topics/orders/lines', { 'content-encoding': encoding })
    assert.deepEqual([both.status, both.last.recordCount], [200, 6000], encoding)
    const junk = Buffer.concat([body, Buffer.from('junk')])
    const refused = await post(server, junk, '/topics/orders/lines', { 'content-encoding': encoding })
    assert.deepEqual([refused.status, refused.last.code], [400, 'INVALID_REQUEST'], encoding)
  }
})

test('headers that make a request known again are refused', async (t) => {
  const server = await startWithTopic(t)
  const headers = { 'producer-id': 'p', 'producer-sequence': '0' }
  const { status, last } = await post(server, linesOf(0, 1), '/topics/orders/lines', headers)
  assert.deepEqual([status, last.stored], [400, 'no'])
  assert.deepEqual(await keysOf(server), [])
})

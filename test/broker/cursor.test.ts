import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { CursorCodec, MAX_CURSOR_PARTITIONS, type ReadCursor } from '../../src/broker/cursor.ts'
import { MAX_CURSOR_LENGTH } from '../../src/broker/cursor-bytes.ts'

const codec = new CursorCodec({ engine: 'embedded', clusterId: 'bWFpbi1jbHVzdGVyLWlkMQ' })
const topicId = Buffer.alloc(16, 7).toString('base64url')

const readCursors: fc.Arbitrary<ReadCursor> = fc
  .record({
    kind: fc.constantFrom('browse' as const, 'group' as const),
    group: fc.string({ maxLength: 249, unit: fc.constantFrom('a', 'Z', '0', '9', '.', '_', '-') }),
    allPartitions: fc.boolean(),
    until: fc.option(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { nil: undefined }),
    turn: fc.nat({ max: 10_000 }),
    positions: fc.uniqueArray(
      fc.record({ partition: fc.nat({ max: 100_000 }), offset: fc.nat({ max: Number.MAX_SAFE_INTEGER }) }),
      { maxLength: MAX_CURSOR_PARTITIONS, selector: ({ partition }) => partition },
    ),
  })
  .map(({ until, positions, ...rest }) => ({
    ...rest,
    topicId,
    positions: positions.map((each) => ({ ...each })).sort((a, b) => a.partition - b.partition),
    ...(until === undefined ? {} : { until }),
  }))

function refused(run: () => unknown): void {
  assert.throws(run, (error) => error instanceof BrokerError && error.code === 'INVALID_CURSOR' && error.status === 400)
}

test('a cursor holds what was put in, in at most 4,096 characters of base64url', () => {
  fc.assert(
    fc.property(readCursors, (cursor) => {
      const text = codec.encodeRead(cursor)
      assert.match(text, /^[\w-]+$/)
      assert.ok(text.length <= MAX_CURSOR_LENGTH)
      assert.deepEqual(codec.decodeRead(text, cursor.kind), cursor)
    }),
    { numRuns: 150 },
  )
})

test('256 partitions with the largest offsets and the longest group id fit', () => {
  const positions = Array.from({ length: MAX_CURSOR_PARTITIONS }, (_, index) => ({
    partition: index * 300,
    offset: Number.MAX_SAFE_INTEGER,
  }))
  const group = 'g'.repeat(249)
  const text = codec.encodeRead({
    kind: 'group',
    topicId,
    group,
    allPartitions: true,
    until: Number.MAX_SAFE_INTEGER,
    turn: 0,
    positions,
  })
  assert.ok(text.length <= MAX_CURSOR_LENGTH, String(text.length))
})

test('a cursor with any character changed, cut off or added is refused', () => {
  const cursor: ReadCursor = {
    kind: 'browse',
    topicId,
    group: '',
    allPartitions: true,
    turn: 1,
    positions: [{ partition: 0, offset: 300 }],
  }
  const text = codec.encodeRead(cursor)
  for (let at = 0; at < text.length; at += 1) {
    const other = text[at] === 'A' ? 'B' : 'A'
    refused(() => codec.decodeRead(text.slice(0, at) + other + text.slice(at + 1), 'browse'))
    refused(() => codec.decodeRead(text.slice(0, at), 'browse'))
  }
  refused(() => codec.decodeRead(`${text}A`, 'browse'))
  refused(() => codec.decodeRead(`${text}=`, 'browse'))
  refused(() => codec.decodeRead('A'.repeat(MAX_CURSOR_LENGTH + 1), 'browse'))
})

test('any text that is not a cursor is refused', () => {
  fc.assert(
    fc.property(fc.string(), (text) => refused(() => codec.decodeRead(text, 'browse'))),
    { numRuns: 150 },
  )
})

test('a cursor of another kind, cluster, engine or list is refused', () => {
  const cursor: ReadCursor = { kind: 'browse', topicId, group: '', allPartitions: true, turn: 0, positions: [] }
  const text = codec.encodeRead(cursor)
  refused(() => codec.decodeRead(text, 'group'))
  refused(() => codec.decodeList(text, 'topics'))
  refused(() => new CursorCodec({ engine: 'embedded', clusterId: 'other' }).decodeRead(text, 'browse'))
  refused(() => new CursorCodec({ engine: 'kafka', clusterId: 'bWFpbi1jbHVzdGVyLWlkMQ' }).decodeRead(text, 'browse'))
  const list = codec.encodeList('topics', 'orders')
  assert.equal(codec.decodeList(list, 'topics'), 'orders')
  refused(() => codec.decodeList(list, 'groups'))
})

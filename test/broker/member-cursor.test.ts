import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { CursorCodec } from '../../src/broker/cursor.ts'
import { MAX_CURSOR_LENGTH } from '../../src/broker/cursor-bytes.ts'
import {
  announceable,
  isListable,
  type MemberCursor,
  MemberCursorCodec,
  positionCost,
} from '../../src/broker/member-cursor.ts'

const cursors = new CursorCodec({ engine: 'embedded', clusterId: 'bWFpbi1jbHVzdGVyLWlkMQ' })
const codec = new MemberCursorCodec(cursors)

const id = (maxLength: number) =>
  fc.string({ minLength: 1, maxLength, unit: fc.constantFrom('a', 'Z', '0', '9', '.', '_', '-') })
const topicIds = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('base64url'))
const partitionSets = (maxLength: number) =>
  fc.uniqueArray(fc.nat({ max: 2000 }), { maxLength }).map((partitions) => [...partitions].sort((a, b) => a - b))
const safe = fc.nat({ max: Number.MAX_SAFE_INTEGER })

const heads = fc.record({
  group: id(249),
  memberId: id(128),
  memberEpoch: fc.nat(),
  fetchTimeMs: fc.nat({ max: 2 ** 45 }),
  autoOffsetReset: fc.constantFrom('earliest', 'latest', 'none', 'by_duration:P999999DT99999999H'),
  maxPollIntervalMs: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  fingerprint: fc.nat({ max: 2 ** 32 - 1 }),
  turn: fc.nat({ max: 100_000 }),
})

const memberCursors: fc.Arbitrary<MemberCursor> = fc
  .record({
    head: heads,
    instanceId: fc.option(id(128), { nil: undefined }),
    heldListed: fc.boolean(),
    topics: fc.uniqueArray(
      fc.record({
        topicId: topicIds,
        held: partitionSets(20),
        revoking: partitionSets(20),
        positions: partitionSets(10).chain((partitions) =>
          fc.tuple(...partitions.map((partition) => safe.map((offset) => ({ partition, offset })))),
        ),
      }),
      { maxLength: 3, selector: ({ topicId }) => topicId },
    ),
  })
  .map(({ head, instanceId, heldListed, topics }) => ({
    ...head,
    heldListed,
    topics: topics.map((topic) => ({ ...topic, held: heldListed ? topic.held : [] })),
    ...(instanceId !== undefined && { instanceId }),
  }))

function refused(run: () => unknown): void {
  assert.throws(run, (error) => error instanceof BrokerError && error.code === 'INVALID_CURSOR' && error.status === 400)
}

test('a cursor holds what was put in', () => {
  fc.assert(
    fc.property(memberCursors, (cursor) => {
      const text = codec.encode(cursor)
      assert.match(text, /^[\w-]+$/)
      assert.deepEqual(codec.decode(text), cursor)
    }),
    { numRuns: 200 },
  )
})

/** Topics and partitions as a large group may have them. */
const holdings = fc.uniqueArray(fc.record({ topicId: topicIds, partitions: partitionSets(300) }), {
  maxLength: 64,
  selector: ({ topicId }) => topicId,
})

test('a cursor filled as far as its room goes is at most 4,096 characters, whatever is held and revoked', () => {
  const property = fc.property(
    heads,
    id(128),
    holdings,
    holdings,
    fc.boolean(),
    (head, instanceId, held, revoking, spread) => {
      const identity = { ...head, instanceId, heldListed: isListable(held) }
      let room = codec.positionRoom(identity)
      const topics = new Map<string, MemberCursor['topics'][number]>()
      const topicOf = (topicId: string) => topics.get(topicId) ?? { topicId, held: [], revoking: [], positions: [] }
      if (identity.heldListed)
        for (const { topicId, partitions } of held) topics.set(topicId, { ...topicOf(topicId), held: partitions })
      for (const { topicId, partitions } of announceable(revoking)) {
        topics.set(topicId, { ...topicOf(topicId), revoking: partitions })
      }
      let positions = 0
      for (let index = 0; ; index += 1) {
        // All positions in one topic, or each in a topic of its own.
        const topicId = Buffer.alloc(16, spread ? index : 0).toString('base64url')
        const topic = topicOf(topicId)
        room -= positionCost(topic.positions.length === 0)
        if (room < 0) break
        const position = { partition: index * 5000, offset: Number.MAX_SAFE_INTEGER }
        topics.set(topicId, { ...topic, positions: [...topic.positions, position] })
        positions += 1
      }
      assert.ok(positions >= 30, `${positions} positions`)
      const text = codec.encode({ ...identity, topics: [...topics.values()] })
      assert.ok(text.length <= MAX_CURSOR_LENGTH, `${text.length} characters`)
      codec.decode(text)
    },
  )
  fc.assert(property, { numRuns: 60 })
})

test('what is revoked is announced bit by bit where the cursor has no room for all of it', () => {
  const every = (count: number) => Array.from({ length: count }, (_, partition) => partition)
  const one = { topicId: 'a', partitions: every(100_000) }
  const [announced] = announceable([one])
  assert.ok(announced !== undefined && announced.partitions.length > 1000)
  assert.deepEqual(announced.partitions, every(announced.partitions.length))
  const topics = Array.from({ length: 64 }, (_, index) => ({ topicId: String(index), partitions: every(8) }))
  const some = announceable(topics)
  assert.ok(some.length > 0 && some.length < 64)
  assert.deepEqual(announceable([{ topicId: 'a', partitions: [3, 9] }]), [{ topicId: 'a', partitions: [3, 9] }])
})

const sample: MemberCursor = {
  group: 'billing',
  memberId: 'a',
  memberEpoch: 3,
  fetchTimeMs: 1_700_000_000_000,
  autoOffsetReset: 'earliest',
  maxPollIntervalMs: 300_000,
  fingerprint: 7,
  turn: 0,
  heldListed: true,
  topics: [
    {
      topicId: Buffer.alloc(16, 7).toString('base64url'),
      held: [0, 9],
      revoking: [4],
      positions: [{ partition: 0, offset: 300 }],
    },
  ],
}

test('a cursor with any character changed, cut off or added is refused', () => {
  const text = codec.encode(sample)
  for (let at = 0; at < text.length; at += 1) {
    refused(() => codec.decode(text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)))
    refused(() => codec.decode(text.slice(0, at)))
  }
  refused(() => codec.decode(`${text}A`))
  refused(() => codec.decode('A'.repeat(MAX_CURSOR_LENGTH + 1)))
})

test('bytes with a right checksum that are no member’s cursor are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const out = cursors.begin('member')
      out.raw(bytes)
      const text = out.seal()
      try {
        codec.decode(text)
      } catch (error) {
        assert.ok(error instanceof BrokerError && error.code === 'INVALID_CURSOR', String(error))
      }
    }),
    { numRuns: 300 },
  )
})

test('cursors of other requests, clusters and engines are refused', () => {
  const topicId = Buffer.alloc(16, 7).toString('base64url')
  const read = { kind: 'group', topicId, group: 'billing', allPartitions: true, turn: 0, positions: [] } as const
  refused(() => codec.decode(cursors.encodeRead(read)))
  const text = codec.encode(sample)
  refused(() => cursors.decodeRead(text, 'group'))
  const other = new CursorCodec({ engine: 'embedded', clusterId: 'other' })
  refused(() => new MemberCursorCodec(other).decode(text))
  const kafka = new CursorCodec({ engine: 'kafka', clusterId: 'bWFpbi1jbHVzdGVyLWlkMQ' })
  refused(() => new MemberCursorCodec(kafka).decode(text))
  assert.equal(cursors.kindOf(text), 'member')
  assert.equal(cursors.kindOf(cursors.encodeRead(read)), 'group')
})

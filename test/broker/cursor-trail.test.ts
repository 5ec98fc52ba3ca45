import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CursorCodec, type ReadCursor } from '../../src/broker/cursor.ts'
import { type MemberCursor, MemberCursorCodec } from '../../src/broker/member-cursor.ts'

const codec = new CursorCodec({ engine: 'embedded', clusterId: 'AAAAAAAAAAAAAAAAAAAAAA' })
const members = new MemberCursorCodec(codec)
const topicId = 'bbbbbbbbbbbbbbbbbbbbbA'
const otherId = 'cccccccccccccccccccccA'

const offset = fc.oneof(fc.nat(300), fc.maxSafeNat())
const positions = fc
  .uniqueArray(fc.nat(999), { minLength: 1, maxLength: 40 })
  .chain((partitions) =>
    fc.tuple(...partitions.sort((a, b) => a - b).map((partition) => offset.map((at) => ({ partition, offset: at })))),
  )
const moves = fc.array(fc.record({ place: fc.nat(39), offset }), { maxLength: 30 })

test('a trail’s cursors are those that the codec writes for the same positions', () => {
  fc.assert(
    fc.property(positions, moves, (starts, steps) => {
      const cursor: ReadCursor = { kind: 'browse', topicId, group: '', allPartitions: true, turn: 3, positions: starts }
      const trail = codec.trail(cursor)
      assert.equal(trail.text(), codec.encodeRead(cursor))
      const now = [...starts]
      for (const step of steps) {
        const place = step.place % now.length
        now[place] = { partition: now[place]?.partition ?? 0, offset: step.offset }
        assert.equal(trail.moved(place, step.offset), codec.encodeRead({ ...cursor, positions: now }))
      }
    }),
  )
})

test('so are those of a member, over all its topics', () => {
  fc.assert(
    fc.property(positions, positions, moves, (ofOne, ofOther, steps) => {
      const at = (one: typeof ofOne, other: typeof ofOther): MemberCursor => ({
        group: 'billing',
        memberId: 'm',
        memberEpoch: 7,
        fetchTimeMs: 1_700_000_000_000,
        autoOffsetReset: 'earliest',
        maxPollIntervalMs: 300_000,
        fingerprint: 99,
        turn: 0,
        heldListed: true,
        topics: [
          { topicId, held: [0, 1, 5], revoking: [2], positions: one },
          { topicId: otherId, held: [], revoking: [], positions: other },
        ],
      })
      const trail = members.trail(at(ofOne, ofOther))
      const now = [...ofOne, ...ofOther]
      const cursor = (): string => members.encode(at(now.slice(0, ofOne.length), now.slice(ofOne.length)))
      assert.equal(trail.text(), cursor())
      for (const step of steps) {
        const place = step.place % now.length
        now[place] = { partition: now[place]?.partition ?? 0, offset: step.offset }
        assert.equal(trail.moved(place, step.offset), cursor())
      }
    }),
  )
})

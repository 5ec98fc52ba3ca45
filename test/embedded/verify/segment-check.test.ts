import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assignOffsets, batchSizeBytes } from '../../../src/codec/record-batch.ts'
import { checkSegment, type CheckedSegment, type SegmentDamage } from '../../../src/embedded/verify/segment-check.ts'
import { encodeBatch } from '../../support/record-spans.ts'

interface BuiltSegment {
  readonly bytes: Buffer
  /** Where batches begin, and with which offset. */
  readonly batches: readonly { readonly position: number; readonly offset: number; readonly next: number }[]
  readonly endOffset: number
}

/** @param gaps offsets that compaction left out before each batch */
function segmentOf(values: readonly (readonly string[])[], gaps: readonly number[] = []): BuiltSegment {
  const batches = []
  const parts: Buffer[] = []
  let offset = 100
  let position = 0
  for (const [index, texts] of values.entries()) {
    offset += gaps[index] ?? 0
    const bytes = encodeBatch(texts.map((text) => ({ key: null, value: Buffer.from(text), timestamp: 5 })))
    assignOffsets(bytes, 0, offset, 0)
    batches.push({ position, offset, next: offset + texts.length })
    parts.push(bytes)
    offset += texts.length
    position += bytes.length
  }
  return { bytes: Buffer.concat(parts), batches, endOffset: offset }
}

/** Runs a check over bytes in memory, so many of them at a time. */
function check(bytes: Buffer, segment: Partial<CheckedSegment>, chunkBytes = 200) {
  const sound: number[] = []
  const damage: SegmentDamage[] = []
  const run = checkSegment(
    { baseOffset: 100, generation: 0, sizeBytes: bytes.length, endOffset: 0, fenced: [], ...segment },
    { batch: (_bytes, _at, position) => void sound.push(position), damage: (found) => void damage.push(found) },
    chunkBytes,
  )
  for (let step = run.next(); !step.done;) {
    const { position, length } = step.value
    step = run.next(bytes.subarray(position, position + length))
  }
  return { sound, damage }
}

const someValues = fc.array(fc.array(fc.string({ maxLength: 80 }), { minLength: 1, maxLength: 5 }), {
  minLength: 1,
  maxLength: 12,
})

test('a sound segment has no damage, whatever the size of what is read at once', () => {
  fc.assert(
    fc.property(someValues, fc.integer({ min: 61, max: 4000 }), (values, chunkBytes) => {
      const { bytes, batches, endOffset } = segmentOf(values)
      const { sound, damage } = check(bytes, { endOffset }, chunkBytes)
      assert.deepEqual(damage, [])
      assert.deepEqual(
        sound,
        batches.map(({ position }) => position),
      )
    }),
  )
})

test('one changed byte costs the batch that it is in, and no other', () => {
  fc.assert(
    fc.property(someValues, fc.nat(), fc.integer({ min: 1, max: 255 }), (values, place, change) => {
      const { bytes, batches, endOffset } = segmentOf(values)
      const at = place % bytes.length
      const hit = batches.findLast(({ position }) => position <= at)
      assert.ok(hit)
      // The leader epoch: outside of the CRC, and looked at elsewhere.
      if (at - hit.position >= 12 && at - hit.position < 16) return
      bytes[at]! ^= change
      const { sound, damage } = check(bytes, { endOffset })
      assert.deepEqual(
        damage.map(({ position, from, to }) => ({ position, from, to })),
        [{ position: hit.position, from: hit.offset, to: hit.next }],
      )
      assert.equal(sound.length, batches.length - 1)
    }),
  )
})

test('a wiped sector costs the batches that it touches; a cut file all behind', () => {
  fc.assert(
    fc.property(someValues, fc.nat(), fc.boolean(), (values, place, isCut) => {
      const { bytes, batches, endOffset } = segmentOf(values)
      const at = place % bytes.length
      const end = isCut ? bytes.length : Math.min(at + 512, bytes.length)
      const before = Buffer.from(bytes)
      bytes.fill(0, at, end)
      const told = isCut ? bytes.subarray(0, at) : bytes
      const { sound, damage } = check(told, { endOffset, sizeBytes: bytes.length })
      const whole = batches.filter(({ position }, index) => {
        const behind = batches[index + 1]?.position ?? bytes.length
        if (isCut) return behind <= at
        return bytes.compare(before, position, behind, position, behind) === 0
      })
      assert.deepEqual(
        sound,
        whole.map(({ position }) => position),
      )
      const lost = damage.reduce((sum, { from, to }) => sum + to - from, 0)
      const touched = batches.filter((batch) => !whole.includes(batch))
      assert.equal(
        lost,
        touched.reduce((sum, { offset, next }) => sum + next - offset, 0),
      )
    }),
  )
})

test('gaps are damage unless compaction left them, or they are fenced', () => {
  const { bytes, batches, endOffset } = segmentOf([['a'], ['b'], ['c']], [0, 4, 0])
  assert.deepEqual(check(bytes, { endOffset, generation: 1 }).damage, [])
  assert.deepEqual(check(bytes, { endOffset, fenced: [{ from: 101, to: 105 }] }).damage, [])
  const [first, second] = batches
  const { damage } = check(bytes, { endOffset })
  assert.equal(damage[0]?.position, second?.position)
  assert.equal(damage[0]?.from, first?.next)
  assert.match(damage[0]?.reason ?? '', /offset 105 where 101 should follow/)
})

test('offsets that are missing at the end are damage, where the end is known', () => {
  const { bytes, endOffset } = segmentOf([['a', 'b']])
  const { damage } = check(bytes, { endOffset: endOffset + 3 })
  assert.deepEqual([damage[0]?.from, damage[0]?.to], [endOffset, endOffset + 3])
  assert.deepEqual(check(bytes, { endOffset: endOffset + 3, generation: 2 }).damage, [])
  assert.deepEqual(check(bytes, { endOffset: endOffset + 3, knownBytes: 0 }).damage, [])
})

test('a batch within a record of a damaged batch is not taken for one of the segment', () => {
  const inner = segmentOf([['inner']]).bytes
  assignOffsets(inner, 0, 101, 0)
  const outer = encodeBatch([{ key: null, value: Buffer.concat([inner, inner]), timestamp: 5 }])
  assignOffsets(outer, 0, 100, 0)
  const next = encodeBatch([{ key: null, value: Buffer.from('next'), timestamp: 5 }])
  assignOffsets(next, 0, 101, 0)
  const bytes = Buffer.concat([outer, next])
  bytes[30]! ^= 1
  const { sound, damage } = check(bytes, { endOffset: 102 }, 4096)
  // The first of the two is followed by what may be a batch: only that the second is not gives it away.
  assert.ok(sound.includes(outer.length) || damage.length > 0)
  assert.equal(batchSizeBytes(bytes, 0), outer.length)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { batchesSection, decodeBatchesSection, type RoundEntry } from '../../../src/embedded/commit/batches-section.ts'
import {
  checkpointSection,
  decodeCheckpointSection,
  type CheckpointPartition,
} from '../../../src/embedded/commit/checkpoint-section.ts'
import {
  decodeFrame,
  encodeFrame,
  FRAME_ALIGNMENT_BYTES,
  FRAME_HEADER_BYTES,
} from '../../../src/embedded/commit/frame.ts'

const journalId = Buffer.from('0123456789abcdef', 'hex')
const address = { journalId, cycle: 3, round: 2 ** 40 }

const offset = fc.maxSafeNat()
const topicIdBytes = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes))
const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((made) => Buffer.from(made))

const entry: fc.Arbitrary<RoundEntry> = fc
  .record({
    topicIdBytes,
    partition: fc.nat(),
    segmentBaseOffset: offset,
    position: offset,
    firstOffset: offset,
    lastOffset: offset,
    content: fc.oneof(
      fc.array(bytes, { minLength: 1, maxLength: 4 }).map((batches) => ({ batches })),
      fc.nat().map((namedCrc) => ({ namedCrc })),
    ),
  })
  .map((made) => ({
    ...made,
    lengthBytes: 'batches' in made.content ? Buffer.concat(made.content.batches).length : 77,
  }))

const segment = fc.record(
  {
    baseOffset: offset,
    sizeBytes: offset,
    maxTimestamp: fc.integer({ min: -1 }),
    firstTimestamp: fc.integer({ min: -1 }),
    createdMs: offset,
    generation: offset,
  },
  { noNullPrototype: true },
)

const range = fc.oneof(
  fc.record({ from: offset, to: offset }, { noNullPrototype: true }),
  fc.record(
    {
      from: offset,
      to: offset,
      resume: fc.record({ segmentBaseOffset: offset, position: offset }, { noNullPrototype: true }),
    },
    { noNullPrototype: true },
  ),
)

const partition: fc.Arbitrary<CheckpointPartition> = fc.record(
  {
    topicIdBytes,
    partition: fc.nat(),
    logEndOffset: offset,
    firstDirtyOffset: offset,
    segments: fc.array(segment, { minLength: 1, maxLength: 4 }),
    fenced: fc.array(range, { maxLength: 3 }),
  },
  { noNullPrototype: true },
)

test('a round frame comes back as it was written, aligned', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 6 }), (entries) => {
      const encoded = Buffer.concat(encodeFrame(address, 'round', [batchesSection(entries)]))
      assert.equal(encoded.length % FRAME_ALIGNMENT_BYTES, 0)
      const frame = decodeFrame(encoded, 0, journalId)
      assert.ok(frame)
      const { cycle, round, kind, sizeBytes, sections } = frame
      assert.deepEqual([cycle, round, kind, sizeBytes], [3, 2 ** 40, 'round', encoded.length])
      assert.equal(sections.length, 1)
      const decoded = sections[0] && decodeBatchesSection(sections[0])
      const expected = entries.map(({ content, ...rest }) => ({
        ...rest,
        content: 'batches' in content ? { bytes: Buffer.concat(content.batches) } : content,
      }))
      assert.deepEqual(decoded, expected)
    }),
    { numRuns: 150 },
  )
})

test('a checkpoint comes back as it was written', () => {
  fc.assert(
    fc.property(offset, fc.array(partition, { maxLength: 5 }), (coveredRound, partitions) => {
      const encoded = Buffer.concat(encodeFrame(address, 'clean', [checkpointSection(coveredRound, partitions)]))
      const frame = decodeFrame(encoded, 0, journalId)
      assert.equal(frame?.kind, 'clean')
      const [section] = frame.sections
      assert.deepEqual(section && decodeCheckpointSection(section), { coveredRound, partitions })
      assert.equal(section && decodeBatchesSection(section), undefined)
    }),
    { numRuns: 150 },
  )
})

function sample(): { readonly encoded: Buffer; readonly usedBytes: number } {
  const entries: RoundEntry[] = [
    {
      topicIdBytes: Buffer.alloc(16, 9),
      partition: 3,
      segmentBaseOffset: 0,
      position: 10,
      firstOffset: 2,
      lastOffset: 5,
      lengthBytes: 6,
      content: { batches: [Buffer.from('abc'), Buffer.from('def')] },
    },
  ]
  const encoded = Buffer.concat(encodeFrame(address, 'round', [batchesSection(entries)]))
  return { encoded, usedBytes: encoded.readUInt32BE(36) + FRAME_HEADER_BYTES }
}

test('every truncation and every flipped bit of a frame is refused', () => {
  const { encoded, usedBytes } = sample()
  assert.ok(usedBytes > 100 && decodeFrame(encoded, 0, journalId))
  for (let length = 0; length < usedBytes; length++) {
    assert.equal(decodeFrame(encoded.subarray(0, length), 0, journalId), undefined, `cut at ${length}`)
  }
  for (let bit = 0; bit < usedBytes * 8; bit++) {
    const damaged = Buffer.from(encoded)
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.equal(decodeFrame(damaged, 0, journalId), undefined, `bit ${bit}`)
  }
})

test('a frame of another journal is none: record bytes cannot pass for one', () => {
  const { encoded } = sample()
  assert.equal(decodeFrame(encoded, 0, Buffer.alloc(8, 1)), undefined)
})

test('a section of a type or version that is not known is not read', () => {
  const section = { type: 9, version: 1, content: Buffer.alloc(16) }
  assert.equal(decodeBatchesSection(section), undefined)
  assert.equal(decodeBatchesSection({ ...section, type: 1, version: 2 }), undefined)
  assert.equal(decodeCheckpointSection({ ...section, type: 2, version: 3 }), undefined)
})

test('a checkpoint of the first version is still read: no segment of it was ever replaced', () => {
  const content = Buffer.alloc(16 + 40 + 40 + 32)
  content.writeBigInt64BE(7n, 0)
  content.writeUInt32BE(1, 8)
  content.fill(5, 16, 32)
  content.writeUInt32BE(3, 32)
  content.writeUInt32BE(1, 36)
  content.writeUInt32BE(1, 40)
  content.writeBigInt64BE(90n, 48)
  for (const [place, value] of [10n, 2000n, 500n, 400n, 300n].entries()) {
    content.writeBigInt64BE(value, 56 + place * 8)
  }
  for (const [place, value] of [12n, 14n, -1n, 0n].entries()) content.writeBigInt64BE(value, 96 + place * 8)
  const facts = { sizeBytes: 2000, maxTimestamp: 500, firstTimestamp: 400, createdMs: 300 }
  assert.deepEqual(decodeCheckpointSection({ type: 2, version: 1, content }), {
    coveredRound: 7,
    partitions: [
      {
        topicIdBytes: Buffer.alloc(16, 5),
        partition: 3,
        logEndOffset: 90,
        firstDirtyOffset: 0,
        segments: [{ baseOffset: 10, ...facts, generation: 0 }],
        fenced: [{ from: 12, to: 14 }],
      },
    ],
  })
})

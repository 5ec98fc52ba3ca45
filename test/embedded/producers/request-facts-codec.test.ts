import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  readRequestFacts,
  requestFactsBytes,
  writeRequestFacts,
} from '../../../src/embedded/producers/request-facts-codec.ts'
import type { RequestFacts } from '../../../src/embedded/producers/request-facts.ts'

const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes))
const time = fc.integer({ min: 0, max: 2 ** 42 })
const part = fc
  .record({
    partition: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    baseOffset: fc.integer({ min: 0, max: 2 ** 50 }),
    count: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    logAppendTime: fc.oneof(fc.constant(-1), time),
  })
  .map(({ count, ...rest }) => ({ ...rest, lastOffset: rest.baseOffset + count - 1 }))
const someFacts: fc.Arbitrary<RequestFacts> = fc
  .record({
    topicId: bytes16.map((bytes) => bytes.toString('base64url')),
    kind: fc.constantFrom('sequence' as const, 'key' as const),
    identityHash: bytes16,
    fingerprint: bytes16,
    bornMs: time,
    arrivedMs: time,
    epoch: fc.integer({ min: 0, max: 32_767 }),
    sequence: fc.maxSafeNat(),
    partitionCount: fc.integer({ min: 1, max: 100_000 }),
    parts: fc.uniqueArray(part, { minLength: 1, maxLength: 8, selector: ({ partition }) => partition }),
    storedCount: fc.integer({ min: 1, max: 8 }),
  })
  .map(({ parts, storedCount, ...rest }) => ({
    ...rest,
    partitions: parts.map(({ partition }) => partition),
    stored: parts.slice(0, storedCount),
  }))

test('facts are read as they were written, one behind the other, and not where an end is missing', () => {
  fc.assert(
    fc.property(fc.array(someFacts, { minLength: 1, maxLength: 5 }), fc.nat(), (all, cut) => {
      const size = all.reduce(
        (sum, { partitions, stored }) => sum + requestFactsBytes(partitions.length, stored.length),
        0,
      )
      const bytes = Buffer.alloc(size)
      let end = 0
      for (const facts of all) end = writeRequestFacts(bytes, end, facts)
      assert.equal(end, size)
      let at = 0
      for (const facts of all) {
        const read = readRequestFacts(bytes, at, size)
        assert.deepEqual(read?.facts, facts)
        const missing = 1 + (cut % ((read?.end ?? 0) - at))
        assert.equal(readRequestFacts(bytes, at, (read?.end ?? 0) - missing), undefined)
        at = read?.end ?? size
      }
      assert.equal(at, size)
    }),
  )
})

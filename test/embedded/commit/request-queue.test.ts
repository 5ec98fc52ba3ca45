import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { QueuedAppend } from '../../../src/embedded/commit/queued-append.ts'
import { RequestQueue } from '../../../src/embedded/commit/request-queue.ts'
import { PartitionLog } from '../../../src/embedded/log/partition-log.ts'
import { emptySegmentFacts, Segment } from '../../../src/embedded/log/segment.ts'
import { placementOf } from '../../support/log-directory-fixture.ts'

const logs = Array.from({ length: 4 }, (_, partition) => {
  const segments = [new Segment('/data', emptySegmentFacts(0, 0), 0)]
  return new PartitionLog(placementOf(partition), '/data', { segments, logEndOffset: 0, fenced: [] })
})

function request(partitions: readonly number[], bytes: number): QueuedAppend {
  const parts = partitions.flatMap((partition) => {
    const log = logs[partition]
    return log ? [{ log, batches: [{ bytes: Buffer.alloc(bytes), recordCount: 1, maxTimestamp: 0 }] }] : []
  })
  return new QueuedAppend(parts, 'all', 0)
}

const drawn = fc.record({
  partitions: fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 4 }),
  bytes: fc.constantFrom(100, 500, 2000),
})

test('no request overtakes an earlier one of the same partition; none is lost, none is taken twice', () => {
  fc.assert(
    fc.property(fc.array(drawn, { maxLength: 30 }), fc.array(fc.boolean(), { minLength: 60 }), (made, busy) => {
      const queue = new RequestQueue({ directMinBytes: 2000, frameMaxBytes: 3000 })
      const requests = made.map(({ partitions, bytes }) => request(partitions, bytes))
      for (const each of requests) queue.push(each)
      const taken: QueuedAppend[] = []
      let held = new Set<PartitionLog>()
      for (const directBusy of [...busy, false, false]) {
        if (!directBusy) held = new Set()
        const isBusy = held.size > 0
        const { inline, large } = queue.take((log) => held.has(log), isBusy)
        assert.ok(inline.reduce((sum, { frameBytes }) => sum + frameBytes, 0) <= 3000 || inline.length === 1)
        for (const each of [...inline, ...large]) {
          assert.ok(each.parts.every(({ log }) => !held.has(log)))
          for (const { log } of each.parts) {
            const earlier = requests
              .slice(0, requests.indexOf(each))
              .filter((other) => other.parts.some((part) => part.log === log))
            assert.ok(earlier.every((other) => taken.includes(other)))
          }
          taken.push(each)
        }
        if (large.length > 0) held = new Set(large.flatMap(({ parts }) => parts.map(({ log }) => log)))
        if (queue.isEmpty) break
      }
      assert.ok(queue.isEmpty || taken.length > 0)
      assert.equal(new Set(taken).size, taken.length)
      assert.equal(
        queue.bytes,
        requests.filter((each) => !taken.includes(each)).reduce((sum, { bytes }) => sum + bytes, 0),
      )
    }),
    { numRuns: 200 },
  )
})

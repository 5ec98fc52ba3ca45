import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { isMergeable, mergeBatches } from '../../src/codec/merge-batches.ts'
import { assignOffsets, checkBatch, setLogAppendTime } from '../../src/codec/record-batch.ts'
import { goldenRecord } from '../support/golden-batch.ts'
import { anyRecord, encodeBatch } from '../support/record-spans.ts'

const anyGroups = fc.array(fc.array(anyRecord, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 8 })

test('merged batches are the batch of all their records, byte for byte', () => {
  fc.assert(
    fc.property(anyGroups, (groups) => {
      const merged = mergeBatches(groups.map(encodeBatch))
      assert.equal(checkBatch(merged, 0, merged.length), 'valid')
      assert.deepEqual(merged, encodeBatch(groups.flat()))
    }),
    { numRuns: 200 },
  )
})

test('offsets already assigned do not matter', () => {
  const batches = [encodeBatch([goldenRecord]), encodeBatch([goldenRecord])]
  batches.forEach((batch, i) => assignOffsets(batch, 0, 1000 + i, 3))
  assert.deepEqual(mergeBatches(batches), encodeBatch([goldenRecord, goldenRecord]))
})

test('many single records, so that offset deltas take several bytes', () => {
  const records = Array.from({ length: 9000 }, (_, i) => ({ key: null, value: Buffer.from(String(i)), timestamp: i }))
  assert.deepEqual(mergeBatches(records.map((record) => encodeBatch([record]))), encodeBatch(records))
})

test('LogAppendTime, compressed, producer id and gaps are not merged', () => {
  const plain = encodeBatch([goldenRecord])
  assert.equal(isMergeable(plain), true)
  const appendTime = Buffer.from(plain)
  setLogAppendTime(appendTime, 0, 1)
  const compressed = Buffer.from(plain)
  compressed.writeInt16BE(1, 21)
  const idempotent = Buffer.from(plain)
  idempotent.writeBigInt64BE(1n, 43)
  const compacted = Buffer.from(plain)
  compacted.writeInt32BE(1, 23)
  for (const batch of [appendTime, compressed, idempotent, compacted]) {
    assert.equal(isMergeable(batch), false)
    assert.throws(() => mergeBatches([plain, batch]), { name: 'AssertionError' })
  }
})

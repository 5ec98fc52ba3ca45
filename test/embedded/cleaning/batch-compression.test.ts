import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compressBatchSync } from '../../../src/codec/compressed-batch.ts'
import { compressionTypes } from '../../../src/codec/compression.ts'
import { batchSizeBytes, checkBatch, compressionCodec, deleteHorizonMs } from '../../../src/codec/record-batch.ts'
import { batchCompression } from '../../../src/embedded/cleaning/batch-compression.ts'
import { BatchFilter } from '../../../src/embedded/cleaning/batch-filter.ts'
import { decodeBatch, encodeBatch } from '../../support/record-spans.ts'

const records = Array.from({ length: 20 }, (_, number) => ({
  key: Buffer.from(`key-${number}`),
  value: number === 7 ? null : Buffer.from('value '.repeat(20)),
  timestamp: 1_700_000_000_000 + number,
}))

/** Records with an odd offset are stale. */
const filter = new BatchFilter({
  latest: {
    get: (bytes, start, end) => 2 * Math.ceil(Number(Buffer.from(bytes.subarray(start + 4, end)).toString()) / 2),
  },
  compression: batchCompression,
  endOffset: 1000,
  nowMs: 1_800_000_000_000,
  deleteRetentionMs: 1,
  mayExpireTombstones: true,
  lastOffsetsOfProducers: new Map(),
})

for (const [codec, type] of compressionTypes.entries()) {
  test(`a batch in ${type} stays in it, with the records that stay`, () => {
    const around = Buffer.alloc(13)
    const batch = compressBatchSync(encodeBatch(records), type)
    const cleaned = filter.filter(Buffer.concat([around, batch, around]), around.length)
    assert.ok(cleaned)
    assert.equal(checkBatch(cleaned, 0, cleaned.length), 'valid')
    assert.equal(batchSizeBytes(cleaned, 0), cleaned.length)
    assert.equal(compressionCodec(cleaned, 0), codec)
    assert.equal(deleteHorizonMs(cleaned, 0), undefined)
    const plain = batchCompression.plain(cleaned, 0)
    assert.deepEqual(
      decodeBatch(plain).map(({ offset, key, timestamp }) => ({ offset, key: String(key), timestamp })),
      records
        .map(({ key, timestamp }, offset) => ({ offset, key: String(key), timestamp }))
        .filter(({ offset }) => offset % 2 === 0),
    )
  })
}

test('a compressed batch of which nothing goes stays byte for byte', () => {
  const kept = encodeBatch(records.filter((_, number) => number === 0))
  const batch = compressBatchSync(kept, 'zstd')
  assert.deepEqual(filter.filter(batch, 0), batch)
})

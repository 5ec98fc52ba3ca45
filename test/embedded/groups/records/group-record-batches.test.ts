import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../../../src/broker/broker-error.ts'
import { batchSizeBytes } from '../../../../src/codec/record-batch.ts'
import { readRecords } from '../../../../src/codec/record-reader.ts'
import type { GroupRecord } from '../../../../src/embedded/groups/membership/group-record.ts'
import { encodeGroupRecords } from '../../../../src/embedded/groups/records/group-record-batches.ts'
import { decodeGroupRecord } from '../../../../src/embedded/groups/records/group-record-codec.ts'

const topicId = 'AAECAwQFBgcICQoLDA0ODw'

function target(memberId: string, count: number): GroupRecord {
  return { kind: 'target', memberId, value: new Map([[topicId, Array.from({ length: count }, (_, index) => index)]]) }
}

function decoded(records: readonly GroupRecord[]): GroupRecord[] {
  const found: GroupRecord[] = []
  for (const { bytes, recordCount } of encodeGroupRecords('g', records, 1_700_000_000_000)) {
    const before = found.length
    assert.equal(batchSizeBytes(bytes, 0), bytes.length)
    readRecords(bytes, 0, {
      record(_offset, timestamp, keyStart, keyEnd, valueStart, valueEnd) {
        assert.equal(timestamp, 1_700_000_000_000)
        const value = valueStart < 0 ? null : bytes.subarray(valueStart, valueEnd)
        const read = decodeGroupRecord(bytes.subarray(keyStart, keyEnd), value)
        assert.ok(typeof read !== 'string')
        found.push(read.record)
        return true
      },
    })
    assert.equal(found.length - before, recordCount)
  }
  return found
}

test('a step is read back in order, from as many batches as it takes', () => {
  const step: GroupRecord[] = [
    { kind: 'group', value: { epoch: 3, metadataHash: 5 } },
    { kind: 'current', memberId: 'm', value: null },
    ...[1, 100_000, 100_000, 0, 100_000, 5].map((count, index) => target(`m${index}`, count)),
    { kind: 'target-epoch', value: { assignmentEpoch: 3 } },
  ]
  assert.deepEqual(decoded(step), step)
  assert.deepEqual(decoded([]), [])
})

test('what no batch can hold is refused', () => {
  assert.throws(
    () => encodeGroupRecords('g', [target('m', 300_000)], 0),
    (error) => error instanceof BrokerError && error.code === 'MESSAGE_TOO_LARGE',
  )
})

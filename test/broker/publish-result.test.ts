import assert from 'node:assert/strict'
import test from 'node:test'
import { BrokerError, type Stored } from '../../src/broker/broker-error.ts'
import type { AppendPartResult } from '../../src/broker/append-request.ts'
import type { ErrorCode } from '../../src/broker/error-catalogue.ts'
import { publishResult } from '../../src/broker/publish-result.ts'
import type { RecordColumns } from '../../src/broker/record-columns.ts'
import { columnsOf } from '../support/record-spans.ts'

/** One record for each partition named, in that order. */
function recordsIn(...partitions: number[]): RecordColumns {
  return columnsOf(partitions.map((partition) => ({ key: null, value: Buffer.from('v'), timestamp: 7, partition })))
}

function stored(partition: number, baseOffset: number, logAppendTime = -1): AppendPartResult {
  return { partition, baseOffset, logAppendTime }
}

function failed(partition: number, code: ErrorCode, fate: Stored): AppendPartResult {
  return { partition, baseOffset: -1, logAppendTime: -1, error: new BrokerError(code, 'no disk.', { stored: fate }) }
}

function offsets(columns: RecordColumns): number[] {
  return [...columns.offset.subarray(0, columns.count)]
}

test('offsets go on densely in each partition, in request order', () => {
  const columns = recordsIn(4, 1, 4, 4, 1)
  const parts = [stored(4, 100), stored(1, 9_000_000_000)]
  const result = publishResult('t', columns, { durability: 'fsync', parts })
  assert.deepEqual(offsets(columns), [100, 9_000_000_000, 101, 102, 9_000_000_001])
  assert.equal(result.failures.size, 0)
  assert.equal(result.worst, undefined)
  assert.equal(result.durability, 'fsync')
})

test('one partition', () => {
  const columns = recordsIn(3, 3, 3)
  publishResult('t', columns, { durability: 'fsync', parts: [stored(3, 17)] })
  assert.deepEqual(offsets(columns), [17, 18, 19])
  assert.deepEqual([...columns.timestamp.subarray(0, 3)], [7, 7, 7])
})

test('with LogAppendTime the timestamp is the append time', () => {
  for (const parts of [[stored(0, 0, 99)], [stored(0, 0, 99), stored(1, 0, 99)]]) {
    const columns = parts.length === 1 ? recordsIn(0, 0) : recordsIn(0, 1)
    publishResult('t', columns, { durability: 'fsync', parts })
    assert.deepEqual([...columns.timestamp.subarray(0, 2)], [99, 99])
  }
})

test('an acknowledgement without offsets', () => {
  const columns = recordsIn(0, 0)
  publishResult('t', columns, { durability: 'none', parts: [stored(0, -1)] })
  assert.deepEqual(offsets(columns), [-1, -1])
})

test('some failed: which, the gravest, and that something was stored', () => {
  const columns = recordsIn(0, 1, 2, 0)
  const parts = [
    stored(0, 5),
    failed(1, 'UNKNOWN_TOPIC_OR_PARTITION', 'no'),
    failed(2, 'KAFKA_STORAGE_ERROR', 'unknown'),
  ]
  const result = publishResult('t', columns, { durability: 'fsync', parts })
  assert.deepEqual(offsets(columns), [5, -1, -1, 6])
  assert.deepEqual([...result.failures.keys()], [1, 2])
  assert.equal(result.failures.get(1)?.code, 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(result.worst?.code, 'KAFKA_STORAGE_ERROR')
  assert.equal(result.worst.options.stored, 'partial')
  assert.equal(result.worst.recovery, 'none')
  assert.match(result.worst.message, /send again only/)
})

test('some of a request that is known again failed: it is to be sent again', () => {
  const parts = [stored(0, 5), failed(1, 'KAFKA_STORAGE_ERROR', 'unknown')]
  const history = { repeatable: true, duplicate: false }
  const { worst, duplicate } = publishResult('t', recordsIn(0, 1), { durability: 'fsync', parts }, history)
  assert.equal(worst?.options.stored, 'partial')
  assert.equal(worst.recovery, 'retry')
  assert.match(worst.message, /send the same request again/)
  assert.equal(duplicate, false)
})

const wholeFailures: readonly (readonly [Stored[], Stored])[] = [
  [['no'], 'no'],
  [['unknown'], 'unknown'],
  [['no', 'no'], 'no'],
  [['no', 'unknown'], 'unknown'],
]

for (const [fates, expected] of wholeFailures) {
  test(`all parts failed, stored ${fates.join(' and ')}: rejected, stored ${expected}`, () => {
    const parts = fates.map((fate, partition) => failed(partition, 'KAFKA_STORAGE_ERROR', fate))
    assert.throws(
      () => publishResult('t', recordsIn(...parts.keys()), { durability: 'fsync', parts }),
      (error) => error instanceof BrokerError && error.options.stored === expected && error.status === 503,
    )
  })
}

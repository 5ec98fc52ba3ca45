import assert from 'node:assert/strict'
import test from 'node:test'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { loneBatchSize } from '../../src/broker/batch-encoder.ts'
import { checkRecords, maxBatchBytes } from '../../src/broker/record-checks.ts'
import { resolveTopicConfig } from '../../src/broker/topic-config-definitions.ts'
import type { TopicConfig } from '../../src/broker/topic-config.ts'
import type { TopicSummary } from '../../src/broker/topic-store.ts'
import { columnsOf, type PlainRecord } from '../support/record-spans.ts'

const now = 1_700_000_000_000
const topic: TopicSummary = { name: 'orders', topicId: 'id', partitionCount: 6, internal: false, configs: new Map() }
const value = Buffer.from('v')
const good: PlainRecord = { key: Buffer.from('k'), value }

function config(changes: Partial<TopicConfig> = {}): TopicConfig {
  return { ...resolveTopicConfig(new Map(), new Map()), ...changes }
}

function refusal(records: readonly PlainRecord[], changes: Partial<TopicConfig> = {}): BrokerError {
  try {
    checkRecords(columnsOf(records), topic, config(changes), now)
  } catch (error) {
    assert(error instanceof BrokerError)
    assert.equal(error.options.stored, 'no')
    return error
  }
  return assert.fail('nothing was refused')
}

function pointers(error: BrokerError): readonly string[] {
  return error.options.errors?.map((fault) => fault.pointer) ?? []
}

test('a record without a timestamp gets the present time, others keep theirs', () => {
  const columns = columnsOf([good, { ...good, timestamp: now - 5 }, { key: null, value, partition: 5 }])
  checkRecords(columns, topic, config(), now)
  assert.deepEqual([...columns.timestamp.subarray(0, 3)], [now, now - 5, now])
})

test('a record with neither key nor value is a 400; empty ones are not null', () => {
  const empty = Buffer.alloc(0)
  const error = refusal([good, { key: null, value: null }])
  assert.equal(error.code, 'INVALID_RECORD')
  assert.equal(error.status, 400)
  assert.deepEqual(pointers(error), ['/records/1'])
  checkRecords(
    columnsOf([
      { key: empty, value: null },
      { key: null, value: empty },
    ]),
    topic,
    config(),
    now,
  )
})

test('a partition the topic does not have is a 400 that names those there are', () => {
  const error = refusal([{ ...good, partition: 6 }])
  assert.equal(error.code, 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(error.status, 400)
  assert.deepEqual(pointers(error), ['/records/0/partition'])
  assert.match(error.message, /no partition 6: it has 0 to 5/)
})

test('a null key is refused where the topic is compacted, and only there', () => {
  const error = refusal([{ key: null, value }], { cleanupPolicy: ['compact', 'delete'] })
  assert.equal(error.code, 'INVALID_RECORD')
  assert.equal(error.status, 422)
  assert.deepEqual(pointers(error), ['/records/0/key'])
  checkRecords(columnsOf([{ key: Buffer.alloc(0), value }]), topic, config({ cleanupPolicy: ['compact'] }), now)
  checkRecords(columnsOf([{ key: null, value }]), topic, config(), now)
})

test('timestamps beyond either limit are refused; at the limit they are not', () => {
  const limits = { messageTimestampBeforeMaxMs: 1000, messageTimestampAfterMaxMs: 2000 }
  const at = (timestamp: number): PlainRecord => ({ ...good, timestamp })
  checkRecords(columnsOf([at(now - 1000), at(now + 2000), good]), topic, config(limits), now)
  const error = refusal([at(now - 1001), good, at(now + 2001)], limits)
  assert.equal(error.code, 'INVALID_TIMESTAMP')
  assert.equal(error.status, 422)
  assert.deepEqual(pointers(error), ['/records/0/timestamp', '/records/2/timestamp'])
  assert.match(error.options.errors?.[0]?.detail ?? '', /1001 ms before.*message\.timestamp\.before\.max\.ms \(1000\)/)
  assert.match(error.options.errors?.[1]?.detail ?? '', /2001 ms after.*message\.timestamp\.after\.max\.ms \(2000\)/)
})

test('with LogAppendTime the limits do not apply', () => {
  const changes = { messageTimestampBeforeMaxMs: 0, messageTimestampType: 'LogAppendTime' } as const
  checkRecords(columnsOf([{ ...good, timestamp: 5 }]), topic, config(changes), now)
})

test('a record is too large exactly when its own batch would be', () => {
  for (const record of [
    { ...good, value: Buffer.alloc(300) },
    { key: null, value: Buffer.alloc(300) },
    { ...good, headers: [{ name: Buffer.from('h'), value: Buffer.alloc(300) }] },
  ]) {
    const columns = columnsOf([record])
    const sizeBytes = loneBatchSize(columns, 0)
    checkRecords(columns, topic, config({ maxMessageBytes: sizeBytes }), now)
    const error = refusal([good, record], { maxMessageBytes: sizeBytes - 1 })
    assert.equal(error.code, 'MESSAGE_TOO_LARGE')
    assert.equal(error.status, 413)
    assert.deepEqual(pointers(error), ['/records/1'])
    assert.match(error.message, new RegExp(`${sizeBytes} bytes.*max\\.message\\.bytes \\(${sizeBytes - 1}\\)`))
  }
})

test('a record larger than a segment is refused as Kafka does', () => {
  const changes = { maxMessageBytes: 10_000, segmentBytes: 1000 }
  assert.equal(maxBatchBytes(config(changes)), 1000)
  const error = refusal([{ ...good, value: Buffer.alloc(1000) }], changes)
  assert.equal(error.code, 'RECORD_LIST_TOO_LARGE')
  assert.match(error.message, /segment\.bytes \(1000\)/)
})

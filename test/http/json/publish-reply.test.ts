import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import { RecordColumns } from '../../../src/broker/record-columns.ts'
import {
  PUBLISHED_AS_TEXT_MAX,
  publishReplyMaxBytes,
  renderPublishReply,
  renderPublishedRecords,
  writePublishReply,
} from '../../../src/http/json/publish-reply.ts'
import type { PublishResult } from '../../../src/broker/publish-result.ts'

function columnsOf(records: readonly (readonly [number, number, number])[]): RecordColumns {
  const columns = new RecordColumns(Buffer.of(), 1)
  for (const [partition, offset, timestamp] of records) {
    const i = columns.addRecord()
    columns.partition[i] = partition
    columns.offset[i] = offset
    columns.timestamp[i] = timestamp
  }
  return columns
}

test('tells where each record is, in the order of the request', () => {
  const columns = columnsOf([
    [3, 17, 1_700_000_000_000],
    [12, 9_007_199_254_740_991, 0],
    [3, 18, 1_700_000_000_001],
  ])
  const reply = renderPublishReply({
    topic: 'orders',
    durability: 'fsync',
    columns,
    failures: new Map(),
    duplicate: false,
  })
  assert.equal(
    reply,
    '{"topic":"orders","records":[{"partition":3,"offset":17,"timestamp":1700000000000},{"partition":12,"offset":9007199254740991,"timestamp":0},{"partition":3,"offset":18,"timestamp":1700000000001}],"durability":"fsync","duplicate":false}',
  )
})

test('tells that the request had been stored before', () => {
  const columns = columnsOf([[3, 17, 0]])
  const reply = rendered({ topic: 'orders', durability: 'fsync', columns, failures: new Map(), duplicate: true })
  assert.match(reply, /"durability":"fsync","duplicate":true}$/)
})

test('tells which records were not stored', () => {
  const failures = new Map([[1, new BrokerError('KAFKA_STORAGE_ERROR', 'The disk is gone.')]])
  const columns = columnsOf([
    [0, 5, 1_700_000_000_000],
    [1, -1, -1],
  ])
  assert.equal(
    renderPublishedRecords({ topic: 'orders', durability: 'fsync', columns, failures, duplicate: false }).toString(),
    '[{"partition":0,"offset":5,"timestamp":1700000000000},{"partition":1,"offset":null,"code":"KAFKA_STORAGE_ERROR"}]',
  )
})

test('is JSON for any number of records', () => {
  for (const count of [1, 2, 3, 256, 1000]) {
    const columns = columnsOf(Array.from({ length: count }, (_, i) => [i % 7, i * 1e9, 1_700_000_000_000 + i] as const))
    const reply = JSON.parse(
      rendered({ topic: 't', durability: 'kernel', columns, failures: new Map(), duplicate: false }),
    )
    assert.deepEqual(
      reply.records,
      Array.from({ length: count }, (_, i) => ({
        partition: i % 7,
        offset: i * 1e9,
        timestamp: 1_700_000_000_000 + i,
      })),
    )
  }
})

function rendered(result: PublishResult): string {
  if (result.columns.count <= PUBLISHED_AS_TEXT_MAX) return renderPublishReply(result)
  const buffer = Buffer.alloc(publishReplyMaxBytes(result.columns.count), '!')
  return buffer.toString('latin1', 0, writePublishReply(result, buffer, new DataView(buffer.buffer, buffer.byteOffset)))
}

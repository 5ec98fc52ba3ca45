import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reader, Writer } from '@platformatic/kafka'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import { publishResult } from '../../../src/broker/publish-result.ts'
import { partResult } from '../../../src/kafka/produce/part-results.ts'
import { readProduceResponse } from '../../../src/kafka/produce/produce-request.ts'
import { refusedRecords } from '../../../src/kafka/produce/refused-records.ts'
import { batchOf } from '../../support/engine-records.ts'
import { columnsOf } from '../../support/record-spans.ts'

/** As a broker answers that refuses a batch of partition 3 for its records 0 and 2. */
function answerOf(kafkaCode: number, said: string) {
  const writer = Writer.create().appendArray(['orders'], (topics, topic) => {
    topics.appendString(topic).appendArray([3], (partitions, partition) => {
      partitions.appendInt32(partition).appendInt16(kafkaCode).appendInt64(-1n).appendInt64(-1n).appendInt64(-1n)
      partitions.appendArray([0, 2], (records, index) => void records.appendInt32(index).appendString(said))
      partitions.appendString('One or more records have been rejected')
    })
  })
  const [answer] = readProduceResponse(Reader.from(writer.buffer))
  assert.ok(answer)
  return answer
}

test('the records for which a broker refused a batch are named with what is wrong with them', () => {
  const keyless = answerOf(87, 'Compacted topic cannot accept message without key in topic partition orders-3.')
  assert.equal(keyless.message, 'One or more records have been rejected')
  const [first, second] = refusedRecords(keyless)
  assert.deepEqual([first?.position, second?.position, first?.field], [0, 2, 'key'])
  assert.match(first?.detail ?? '', /topic "orders" is compacted: every record needs a key/)
  const [late] = refusedRecords(answerOf(32, 'Timestamp 5 of message with offset 0 is out of range.'))
  assert.deepEqual([late?.field, late?.detail], ['timestamp', 'Timestamp 5 of message with offset 0 is out of range.'])
  const [other] = refusedRecords(answerOf(87, 'Something else'))
  assert.deepEqual(other, { position: 0, detail: 'Something else.' })
})

test('a client is told of them by their place in its request, whichever partition and batch they went to', () => {
  const records = Array.from({ length: 6 }, (_, at) => ({
    key: null,
    value: Buffer.from(`${at}`),
    partition: at % 2 === 0 ? 3 : 0,
  }))
  const refused = refusedRecords(answerOf(87, 'Compacted topic cannot accept message without key.')).slice(0, 1)
  const failure = new BrokerError('INVALID_RECORD', 'The cluster refused them.', { refusedRecords: refused })
  const batches = [batchOf(['0', '2']), batchOf(['4'])]
  const part = partResult({ partition: 3, batches }, [
    { kind: 'failed', stored: 'no', failure: new BrokerError('NETWORK_EXCEPTION', 'Broken.') },
    { kind: 'failed', stored: 'no', failure },
  ])
  assert.equal(part.error?.code, 'NETWORK_EXCEPTION')
  const second = partResult({ partition: 3, batches }, [
    { kind: 'stored', baseOffset: 7, logAppendTime: -1 },
    { kind: 'failed', stored: 'no', failure },
  ])
  const stored = { partition: 0, baseOffset: 1, logAppendTime: -1 }
  const { worst } = publishResult('orders', columnsOf(records), { durability: 'replicated', parts: [second, stored] })
  assert.deepEqual(
    worst?.options.errors?.map(({ pointer }) => pointer),
    ['/records/4/key'],
  )
  assert.match(worst?.message ?? '', /^Record 4: The key is null.*The cluster refused them/)
  assert.equal(worst?.options.refusedRecords, undefined)
})

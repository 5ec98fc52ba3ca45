import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../src/broker/clock.ts'
import { numericProducerId } from '../../../src/broker/batch-producer.ts'
import { lastOffsetsOfProducers } from '../../../src/embedded/producers/last-offsets.ts'
import { PackedRequestMemory } from '../../../src/embedded/producers/packed-request-memory.ts'
import { producerKey, type ProducerName } from '../../../src/embedded/producers/request-facts.ts'

const ORDERS = 'Kx3pV0QzS0aHn1d2m3X4bA'
const OTHER = 'Kx3pV0QzS0aHn1d2m3X4bB'

test('the last offset of each producer in the partition, by the id that its batches have', async () => {
  const requests = new PackedRequestMemory({
    maxBytes: 1_000_000,
    producerExpirationMs: 86_400_000,
    keyRetentionMs: 600_000,
    now: () => 1000,
    steadyNow: () => 1000,
  })
  const record = (topicId: string, name: ProducerName, sequence: number, partition: number, lastOffset: number): void =>
    requests.record({
      ...producerKey(topicId, name),
      bornMs: 1000,
      epoch: 0,
      sequence,
      fingerprint: Buffer.alloc(16),
      partitionCount: 2,
      arrivedMs: 1000,
      partitions: [partition],
      stored: [{ partition, baseOffset: lastOffset, lastOffset, logAppendTime: -1 }],
    })
  const one: ProducerName = { kind: 'sequence', producerId: 'one' }
  record(ORDERS, one, 0, 0, 5)
  record(ORDERS, one, 1, 0, 9)
  record(ORDERS, one, 2, 1, 3)
  record(ORDERS, { kind: 'sequence', producerId: 'two' }, 0, 0, 7)
  record(ORDERS, { kind: 'key', key: 'k' }, 0, 0, 8)
  record(OTHER, { kind: 'sequence', producerId: 'three' }, 0, 0, 4)
  const found = await lastOffsetsOfProducers(requests, { topicId: ORDERS, partition: 0 }, systemClock)
  const expected = new Map([
    [numericProducerId('one'), 9],
    [numericProducerId('two'), 7],
  ])
  assert.deepEqual(found, expected)
})

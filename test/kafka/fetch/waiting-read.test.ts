import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assignOffsets } from '../../../src/codec/record-batch.ts'
import type { ClusterTopic } from '../../../src/kafka/cluster-metadata.ts'
import { readableBatches } from '../../../src/kafka/fetch/readable-batches.ts'
import { WaitingRead, type WaitEnd } from '../../../src/kafka/fetch/waiting-read.ts'
import { WatchedPartition } from '../../../src/kafka/fetch/watched-partition.ts'
import { batchOf, valuesOf } from '../../support/engine-records.ts'

const topic: ClusterTopic = { name: 'orders', topicId: 'an-id', uuid: 'uuid', internal: false, partitions: [] }

/** With nothing at `end` and behind it. */
function watchedAt(end: number, partition = 0): WatchedPartition {
  const facts = { topic: topic.name, topicId: topic.topicId, partition, logStartOffset: 0 }
  return new WatchedPartition(topic, partition, end, { ...facts, batches: [], highWatermark: end })
}

/** One batch for each list of values, from an offset on. */
function answer(fromOffset: number, ...batches: readonly (readonly string[])[]) {
  let offset = fromOffset
  const records = batches.map((values) => {
    const { bytes } = batchOf(values)
    assignOffsets(bytes, 0, offset, 0)
    offset += values.length
    return bytes
  })
  const readable = readableBatches(Buffer.concat(records), fromOffset, [])
  return { kafkaCode: 0, batches: readable, lastStableOffset: offset, logStartOffset: 0 }
}

function waitingAt(...places: readonly (readonly [WatchedPartition, number])[]) {
  const ends: WaitEnd[] = []
  const waiting = new WaitingRead((end) => ends.push(end))
  for (const [watched, offset] of places) waiting.waitAt(watched, offset)
  return { waiting, ends }
}

const values = (end: WaitEnd | undefined) =>
  Array.isArray(end) ? end.map((read, index) => valuesOf(read, index === 0 ? 0 : undefined)) : end

test('records end the wait of all who wait for them, each with its positions in order', () => {
  const [zero, one] = [watchedAt(5), watchedAt(3, 1)]
  const both = waitingAt([one, 3], [zero, 5])
  const single = waitingAt([zero, 5])
  zero.take(answer(5, ['a', 'b']), 5)
  assert.deepEqual(both.ends.map(values), [[[], ['a', 'b']]])
  assert.deepEqual(single.ends.map(values), [[['a', 'b']]])
  assert.equal(zero.waiters.size + one.waiters.size, 0)
  assert.equal(zero.offset, 7)
})

test('who is ahead of the answer waits on, who is within it gets the rest', () => {
  const watched = watchedAt(5)
  const ahead = waitingAt([watched, 7])
  watched.take(answer(5, ['a'], ['b']), 5)
  assert.deepEqual(ahead.ends, [])
  const within = waitingAt([watched, 7])
  watched.take(answer(6, ['b'], ['c']), 6)
  assert.deepEqual(ahead.ends.map(values), [[['c']]])
  assert.deepEqual(within.ends.map(values), [[['c']]])
})

test('who comes where there is something already is sent to look', () => {
  const watched = watchedAt(5)
  watched.take(answer(5, ['a']), 5)
  assert.deepEqual(waitingAt([watched, 5]).ends, ['again'])
  assert.equal(watched.waiters.size, 0)
})

test('a waiter below the place that is asked for turns the watch back', () => {
  const watched = watchedAt(5)
  const ahead = waitingAt([watched, 9])
  assert.equal(watched.offset, 5)
  const behind = new WatchedPartition(topic, 0, 9, { ...watched.emptyRead, highWatermark: 5 })
  const low = waitingAt([behind, 5])
  assert.equal(behind.offset, 5)
  behind.take(answer(5, ['a']), 5)
  assert.deepEqual(low.ends.map(values), [[['a']]])
  assert.deepEqual(ahead.ends, [])
})

test('records that nobody waits for are skipped, and after a few the partition is let go', () => {
  const watched = watchedAt(5)
  watched.take({ ...answer(5, ['a']), lastStableOffset: 50 }, 5)
  assert.equal(watched.offset, 50)
  assert.equal(watched.isUnwanted, false)
  watched.take({ ...answer(50, ['b']), lastStableOffset: 60 }, 50)
  assert.equal(watched.isUnwanted, true)
  waitingAt([watched, 60])
  assert.equal(watched.isUnwanted, false)
})

test('a wait ends once', () => {
  const watched = watchedAt(5)
  const { waiting, ends } = waitingAt([watched, 5])
  waiting.end('over')
  watched.take(answer(5, ['a']), 5)
  watched.abandon()
  assert.deepEqual(ends, ['over'])
})

test('a partition that is let go sends its waiters to look', () => {
  const watched = watchedAt(5)
  const { ends } = waitingAt([watched, 5])
  watched.abandon()
  assert.deepEqual(ends, ['again'])
})

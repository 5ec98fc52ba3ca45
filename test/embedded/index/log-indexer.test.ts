import assert from 'node:assert/strict'
import { it } from 'node:test'
import { LogIndexer } from '../../../src/embedded/index/log-indexer.ts'
import { MemorySegmentIndex } from '../../support/memory-segment-index.ts'

const segment = (partition: number, segmentBaseOffset: number, generation = 0) => ({
  topicId: 'T',
  partition,
  segmentBaseOffset,
  generation,
})

const batch = (baseOffset: number, position: number) => ({
  baseOffset,
  position,
  bytes: Buffer.alloc(60),
  maxTimestamp: baseOffset,
})

it('indexes each segment by itself, and a segment begun earlier by the time it is told', () => {
  const index = new MemorySegmentIndex()
  const indexer = new LogIndexer({ index, intervalBytesOf: () => 100, maxTimestampOf: () => 77 })
  for (let place = 0; place < 3; place++) {
    indexer.batchesLaid(segment(0, 0), [batch(place, place * 60)])
    indexer.batchesLaid(segment(1, 500), [batch(500 + place, 6000 + place * 60)])
  }
  indexer.batchesLaid(segment(0, 3), [batch(3, 0)])
  indexer.batchesLaid(segment(0, 3), [batch(4, 60)])
  indexer.batchesLaid(segment(0, 3), [batch(5, 120)])
  assert.deepEqual(index.entries.get('T/0/0/0'), [{ baseOffset: 2, position: 120, maxTimestampBefore: 1 }])
  assert.deepEqual(index.entries.get('T/1/500/0'), [{ baseOffset: 502, position: 6120, maxTimestampBefore: 501 }])
  assert.deepEqual(index.entries.get('T/0/3/0'), [{ baseOffset: 5, position: 120, maxTimestampBefore: 4 }])
})

it('drops the rows of a topic that is gone', () => {
  const index = new MemorySegmentIndex()
  const indexer = new LogIndexer({ index, intervalBytesOf: () => 0, maxTimestampOf: () => undefined })
  indexer.batchesLaid(segment(0, 0), [batch(0, 0)])
  indexer.batchesLaid(segment(0, 0), [batch(1, 60)])
  indexer.dropTopic('T')
  assert.equal(index.entries.size, 0)
})

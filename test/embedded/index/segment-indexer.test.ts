import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SegmentIndexer } from '../../../src/embedded/index/segment-indexer.ts'

describe('SegmentIndexer', () => {
  it('gives an entry to the first batch more than the interval behind the last entry', () => {
    const indexer = new SegmentIndexer({ intervalBytes: 100 })
    const entries = [0, 50, 100, 150, 200, 250, 300].map((position) => indexer.next(position, position, 50, position))
    assert.deepEqual(
      entries.filter((entry) => entry !== undefined),
      [
        { baseOffset: 150, position: 150, maxTimestampBefore: 100 },
        { baseOffset: 300, position: 300, maxTimestampBefore: 250 },
      ],
    )
  })

  it('keeps the largest timestamp so far, and none where it does not know it', () => {
    const indexer = new SegmentIndexer({ intervalBytes: 0 })
    assert.equal(indexer.next(0, 0, 10, 500), undefined)
    assert.equal(indexer.next(1, 10, 10, 300)?.maxTimestampBefore, 500)
    assert.equal(indexer.maxTimestamp, 500)
    const later = new SegmentIndexer({ intervalBytes: 0, position: 10, maxTimestamp: undefined })
    later.next(1, 10, 10, 300)
    assert.deepEqual(later.next(2, 20, 10, 400), { baseOffset: 2, position: 20, maxTimestampBefore: undefined })
  })

  it('gives an entry to a batch behind a hole', () => {
    const indexer = new SegmentIndexer({ intervalBytes: 4096 })
    indexer.next(0, 0, 10, 1)
    assert.equal(indexer.next(5, 4096, 10, 2)?.position, 4096)
  })
})

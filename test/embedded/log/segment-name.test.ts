import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSegmentFileName, segmentFileName } from '../../../src/embedded/log/segment-name.ts'

test('a segment is named as Kafka names it', () => {
  assert.equal(segmentFileName(0), '00000000000000000000.log')
  assert.equal(segmentFileName(2 ** 53 - 1), '00009007199254740991.log')
  assert.equal(parseSegmentFileName(segmentFileName(42)), 42)
})

test('other files are no segments', () => {
  for (const name of [
    '0.log',
    '00000000000000000000.index',
    '00000000000000000000.log.swap',
    '99999999999999999999.log',
  ]) {
    assert.equal(parseSegmentFileName(name), undefined, name)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentFrames } from '../../../src/http/sse/recent-frames.ts'

const stand = { kind: 'browse', topicId: '', group: '', allPartitions: true, turn: 0, positions: [] } as const

test('the last frames are found by number, until others take their room', () => {
  const recent = new RecentFrames()
  const size = 400 * 1024
  for (let number = 0; number < 3; number += 1) {
    assert.equal(recent.add(Buffer.alloc(size, number), stand).number, number)
  }
  assert.equal(recent.find(0), undefined)
  assert.equal(recent.find(1)?.bytes[0], 1)
  assert.equal(recent.find(2)?.bytes[0], 2)
  assert.equal(recent.find(3), undefined)
  recent.clear()
  assert.equal(recent.find(2), undefined)
  assert.equal(recent.add(Buffer.alloc(5 * size), stand).number, 3)
  assert.equal(recent.find(3)?.number, 3)
})

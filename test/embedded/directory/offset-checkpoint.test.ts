import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeOffsetCheckpoint } from '../../../src/embedded/directory/offset-checkpoint.ts'

test('a checkpoint is text: version, number of entries, an entry a line', () => {
  assert.equal(encodeOffsetCheckpoint([]), '0\n0\n')
  const entries = [
    { topic: 'a.b', partition: 0, offset: 17 },
    { topic: 'c-1', partition: 3, offset: 0 },
  ]
  assert.equal(encodeOffsetCheckpoint(entries), '0\n2\na.b 0 17\nc-1 3 0\n')
})

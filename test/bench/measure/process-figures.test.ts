import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ticks } from '../../../bench/measure/process-figures.ts'

test('CPU time is read behind the name, whatever that is', () => {
  const stat = '41 (node (main) 7) S 1 41 41 0 -1 4194560 9 0 0 0 1234 66 250 50 20 0 11 0 99'
  assert.equal(ticks(stat, 'own'), 13)
  assert.equal(ticks(stat, 'children'), 3)
})

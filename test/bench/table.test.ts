import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderTable } from '../../bench/table.ts'

test('a table has the columns that a row has, and leaves empty what is not known', () => {
  const ratio = { median: 0.812, lowest: 0.79, highest: 0.85, to: 'no-op' }
  const text = renderTable([
    { work: 'publish', requestsPerSecond: 12_345.6, ratio, errors: 0 },
    { work: 'no-op', requestsPerSecond: 15_000, mainThreadUs: undefined },
  ])
  assert.equal(
    text,
    [
      '| work    | requests/s |                    ratio | errors |',
      '| ------- | ---------: | -----------------------: | -----: |',
      '| publish |     12,346 | 0.81 × no-op (0.79–0.85) |      0 |',
      '| no-op   |     15,000 |                          |        |',
    ].join('\n'),
  )
})

test('a row says whether it reached what it must, and one with errors that it is no figure', () => {
  const met = { goal: '≥ 0.8 × no-op', met: true }
  const text = renderTable([
    { work: 'a', mustReach: met, errors: 0 },
    { work: 'b', mustReach: { ...met, met: false }, errors: 0 },
    { work: 'c', mustReach: met, errors: 3 },
  ])
  assert.match(text, /^\| a +\| +≥ 0\.8 × no-op: met \| +0 \|$/m)
  assert.match(text, /^\| b +\| ≥ 0\.8 × no-op: \*\*missed\*\* \| +0 \|$/m)
  assert.match(text, /^\| \*\*no figure:\*\* c \| +≥ 0\.8 × no-op: no figure \| +3 \|$/m)
})

test('of one burst there is no range', () => {
  const text = renderTable([{ work: 'a', ratio: { median: 0.8, lowest: 0.8, highest: 0.8, to: 'no-op' } }])
  assert.match(text, /^\| a +\| 0\.80 × no-op \|$/m)
})

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

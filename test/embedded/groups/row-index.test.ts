import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { RowIndex } from '../../../src/embedded/groups/row-index.ts'

test('rows are found under their hash while they are in, whatever collides with them', () => {
  // Few hashes, so that rows collide, wrap around and close up behind removals.
  const operations = fc.array(fc.record({ add: fc.boolean(), row: fc.nat(60) }), { maxLength: 300 })
  fc.assert(
    fc.property(
      operations,
      fc.array(fc.integer({ min: 0, max: 15 }), { minLength: 61, maxLength: 61 }),
      (steps, hashes) => {
        const hashOf = (row: number): number => (hashes[row] ?? 0) | ((row % 2) << 30)
        const index = new RowIndex(hashOf)
        const rows = new Set<number>()
        for (const { add, row } of steps) {
          if (add && !rows.has(row)) {
            index.add(hashOf(row), row)
            rows.add(row)
          } else if (!add && rows.delete(row)) {
            index.remove(hashOf(row), row)
          }
        }
        for (let row = 0; row <= 60; row++) {
          assert.equal(
            index.find(hashOf(row), (found) => found === row),
            rows.has(row) ? row : -1,
          )
        }
      },
    ),
    { numRuns: 200 },
  )
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { withDifferences } from './differences-table.ts'
import { kafkaDifferences } from './kafka-differences.ts'

test('docs/scaling.md tells every difference between the engines', () => {
  const page = readFileSync(new URL('../../docs/scaling.md', import.meta.url), 'utf8')
  assert.equal(page, withDifferences(page, kafkaDifferences), 'run `npm run generate`')
  for (const { difference, reason } of kafkaDifferences) {
    for (const text of [difference, reason]) assert.match(text, /^[^|\n]*\.$/, 'one sentence that fits into a cell')
    assert.ok(page.includes(difference))
  }
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { renderMetricsDocs } from '../../src/observability/metrics-docs.ts'

test('docs/metrics.md is what the table says (npm run generate)', () => {
  assert.equal(readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8'), renderMetricsDocs())
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accepts } from '../../src/http/media-range.ts'

test('the most specific range that matches decides', () => {
  const taken = [
    '*/*',
    'application/json',
    'application/*',
    'text/html, */*;q=0.1',
    'APPLICATION/JSON;q=0.5',
    undefined,
  ]
  for (const header of taken) assert.ok(accepts(header, 'application/json'), header)
  const refused = ['text/html', 'application/json;q=0, */*', 'application/xml', 'application/*;q=0.0,text/*', '']
  for (const header of refused) assert.ok(!accepts(header, 'application/json'), header)
})

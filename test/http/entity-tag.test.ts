import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noneMatches } from '../../src/http/entity-tag.ts'

test('a tag is found in a list, weak or strong, and by *', () => {
  for (const header of ['"a"', 'W/"a"', '"b", "a"', '*', ' * ']) assert.ok(noneMatches(header, '"a"'), header)
  for (const header of [undefined, '', '"b"', 'a', '"aa"']) assert.ok(!noneMatches(header, '"a"'), header)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TextInterner } from '../../../src/embedded/groups/text-interner.ts'

test('each text has one number, and each number its text', () => {
  const texts = new TextInterner()
  assert.equal(texts.find('a'), -1)
  const a = texts.number('a')
  const b = texts.number('b')
  assert.notEqual(a, b)
  assert.equal(texts.number('a'), a)
  assert.equal(texts.find('b'), b)
  assert.equal(texts.text(a), 'a')
})

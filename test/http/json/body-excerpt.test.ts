import assert from 'node:assert/strict'
import { test } from 'node:test'
import { excerpt, jsonPointer, textPosition } from '../../../src/http/json/body-excerpt.ts'

test('counts lines and columns from 1, columns in characters', () => {
  const body = Buffer.from('ab\né😀x\r\n\ny')
  assert.deepEqual(textPosition(body, 0), { line: 1, column: 1, offset: 0 })
  assert.deepEqual(textPosition(body, 2), { line: 1, column: 3, offset: 2 })
  assert.deepEqual(textPosition(body, 9), { line: 2, column: 3, offset: 9 })
  assert.deepEqual(textPosition(body, 13), { line: 4, column: 1, offset: 13 })
})

test('cuts long text at the end of a character', () => {
  assert.equal(excerpt(Buffer.from('"short"'), 1, 6), 'short')
  for (const character of ['a', 'é', '€', '😀']) {
    const shown = excerpt(Buffer.from(`<${character.repeat(200)}`), 1, 100)
    assert.equal(shown, `${character.repeat(Math.floor(80 / Buffer.byteLength(character)))}…`)
  }
})

test('writes JSON pointers', () => {
  assert.equal(jsonPointer('records', 7, 'headers', 0, 'a/b~c'), '/records/7/headers/0/a~1b~0c')
  assert.ok(jsonPointer('x'.repeat(1000)).length < 100)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { unescapeInPlace } from '../../../src/http/json/string-unescape.ts'

function unescaped(content: string): string {
  const bytes = Buffer.from(`<${content}>`)
  const end = unescapeInPlace(bytes, 1, bytes.length - 1)
  assert.equal(bytes[0], 0x3c)
  assert.equal(bytes.at(-1), 0x3e)
  return bytes.toString('utf8', 1, end)
}

test('decodes every escape', () => {
  assert.equal(unescaped('\\"\\\\\\/\\b\\f\\n\\r\\t'), '"\\/\b\f\n\r\t')
  assert.equal(unescaped('\\u0000\\u007f\\u0080\\u07ff\\u0800\\uFFFF'), '\u0000\u007f\u0080\u07ff\u0800\uffff')
  assert.equal(unescaped('a\\ud83d\\ude00b\\uDBFF\\udfff'), 'a😀b\u{10ffff}')
  assert.equal(unescaped('plain é'), 'plain é')
  assert.equal(unescaped(''), '')
  assert.equal(unescaped('\\\\u0041'), '\\u0041')
})

test('means what JSON.parse means', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text).slice(1, -1)),
    fc.integer({ min: 0, max: 0xd7ff }).map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`),
    fc.integer({ min: 0x10000, max: 0x10ffff }).map((point) => {
      const pair = String.fromCodePoint(point)
      return `\\u${pair.charCodeAt(0).toString(16)}\\u${pair.charCodeAt(1).toString(16).toUpperCase()}`
    }),
  )
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const content = pieces.join('')
      assert.equal(unescaped(content), JSON.parse(`"${content}"`))
    }),
  )
})

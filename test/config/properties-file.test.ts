import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseProperties, PropertiesSyntaxError } from '../../src/config/properties-file.ts'

function pairs(text: string | Uint8Array): [string, string][] {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  return parseProperties(bytes).map(({ name, value }) => [name, value])
}

test('the three separators, blanks around them, and none at all', () => {
  assert.deepEqual(pairs('a=1\nb:2\nc 3\n  d \t=\f 4 \ne\nf=\ng = = 5\nh==6\n'), [
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
    ['d', '4 '],
    ['e', ''],
    ['f', ''],
    ['g', '= 5'],
    ['h', '=6'],
  ])
})

test('comments, blank lines, every kind of line end, and a byte order mark', () => {
  assert.deepEqual(pairs('\uFEFF# one\r\n  ! two \\\r\na=1 # not a comment\r\r\n\n\t\nb=2'), [
    ['a', '1 # not a comment'],
    ['b', '2'],
  ])
})

test('continued lines lose their leading blanks, and are never comments', () => {
  assert.deepEqual(pairs('dirs=/a,\\\n     /b,\\\r\n#c\nnext\\\n=1\neven=\\\\\nlast=x\\'), [
    ['dirs', '/a,/b,#c'],
    ['next', '1'],
    ['even', '\\'],
    ['last', 'x'],
  ])
  assert.deepEqual(pairs('a=1\\\n\nb=2'), [
    ['a', '1'],
    ['b', '2'],
  ])
  assert.deepEqual(pairs('\\\n\n'), [])
})

test('escapes in names and values', () => {
  assert.deepEqual(pairs(String.raw`a\=b\:c\ d=\t\n\r\f\u00e9\z\\`), [['a=b:c d', '\t\n\r\féz\\']])
})

test('a broken \\u is told with its line', () => {
  for (const text of ['a=1\nb=\\u12G4', '\nb=\\u123', '!\nb\\u=1']) {
    assert.throws(() => pairs(text), { name: PropertiesSyntaxError.name, line: 2 })
  }
})

test('a name is told with the line it begins on', () => {
  const lines = parseProperties(Buffer.from('# c\na=1\\\n 2\n\nb=3')).map(({ name, line }) => [name, line])
  assert.deepEqual(lines, [
    ['a', 2],
    ['b', 5],
  ])
})

test('UTF-8 is read as such, other bytes as ISO-8859-1', () => {
  assert.deepEqual(pairs(Buffer.from('a=é', 'utf8')), [['a', 'é']])
  assert.deepEqual(pairs(Buffer.from('a=é', 'latin1')), [['a', 'é']])
})

/** Escapes as java.util.Properties.store does, with a separator and blanks of the test's choosing. */
function written(name: string, value: string, separator: string, asciiOnly: boolean): string {
  const escaped = (text: string, blanks: RegExp): string =>
    text
      .replace(/[\\=:#!]/g, '\\$&')
      .replace(blanks, '\\$&')
      .replace(/\t/g, 't')
      .replace(/\n/g, '\\n')
      .replace(/\r/g, '\\r')
      .replace(/\f/g, 'f')
      .replace(
        asciiOnly ? /[^\x20-\x7e]/g : /(?!)/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
      )
  return escaped(name, /[ \t\f]/g) + separator + escaped(value, /^ |[\t\f]/g)
}

test('what is written is read back, however it is written', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.string({ unit: fc.constantFrom('\\', '=', ':', '#', '!', ' ', '\t', '\f', '\n', '\r', 'u', 'a'), maxLength: 8 }),
  )
  const entry = fc.record({ name: text.filter((name) => name !== ''), value: text })
  const layout = fc.record({
    separator: fc.constantFrom('=', ':', ' ', '\t', ' = ', ' :\t', '\\\n  = '),
    end: fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\n# x\\\n', '\r! y = z\r\n'),
    asciiOnly: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(fc.tuple(entry, layout), { maxLength: 6 }), (entries) => {
      const file = entries
        .map(([{ name, value }, { separator, end, asciiOnly }]) => written(name, value, separator, asciiOnly) + end)
        .join('')
      assert.deepEqual(
        pairs(file),
        entries.map(([{ name, value }]) => [name, value]),
      )
    }),
    { numRuns: 200 },
  )
})

test('whatever the bytes, the answer is properties or a syntax error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        for (const { name, value } of parseProperties(bytes)) assert.equal(typeof name + typeof value, 'stringstring')
      } catch (error) {
        assert.ok(error instanceof PropertiesSyntaxError)
      }
    }),
    { numRuns: 200 },
  )
})

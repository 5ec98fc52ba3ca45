import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { END, JsonScanner, MAX_JSON_DEPTH } from '../../../src/http/json/json-scanner.ts'

interface Scan {
  readonly accepted: boolean
  readonly scanner: JsonScanner
}

/** Scans the text in the middle of other bytes, which must not matter. */
function scan(text: string): Scan {
  const bytes = Buffer.from(`"\\]}1${text}1e9",}]`)
  const scanner = new JsonScanner(bytes, 5, bytes.length - 7)
  const first = scanner.skipWhitespace()
  const accepted = first !== END && scanner.skipValue(first) && scanner.skipWhitespace() === END
  return { accepted, scanner }
}

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const valid = [
  '0',
  '-0',
  '1',
  '-1',
  '10',
  '1.0',
  '0.5',
  '-0.0',
  '1e5',
  '1E+5',
  '1e-5',
  '0e0',
  '12.50e10',
  '9007199254740993',

  'true',
  'false',
  'null',
  '""',
  '"a"',
  '"\\u0000"',
  '"\\ud83d\\ude00"',
  '"\\ud83d"',
  '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
  '{}',
  '[]',
  ' [ ] ',
  '\t{\r\n} ',
  '[1,2]',
  '[[],{}]',
  '{"a":{"a":[]},"a":1}',
  '{"__proto__":1}',
  '"\u2028é😀"',

  '[1 , 2]',
  '{ "a" : 1 , "b" : [ ] }',
  '1e400',
  '1'.repeat(400),
  '"0123456789abcdef0123456789"',
  '[0]',
  '[-1.5e3]',
]
const invalid = [
  '',
  ' ',
  '01',
  '-',
  '-a',
  '+1',
  '.5',
  '1.',
  '1.e5',
  '1e',
  '1e+',
  '0x10',
  '1_000',
  'NaN',
  'Infinity',
  '-Infinity',

  'tru',
  'truee',
  'True',
  'nul',
  'fals',
  'nullnull',
  'undefined',
  "'a'",
  '"',
  '"a',
  '"\\',
  '"\\u',
  '"\\u12',
  '"\\x41"',

  '"\\u12g4"',
  '"\n"',
  '"\t"',
  '"\u0000"',
  '"\u001f"',
  '"0123456789abcdef0123\n"',
  '[',
  ']',
  '{',
  '}',
  '[1',
  '[1,',
  '[1,]',

  '[,]',
  '[1 2]',
  '[1}',
  '{"a"}',
  '{"a":}',
  '{"a":1',
  '{"a":1,}',
  '{,}',
  '{a:1}',
  '{1:1}',
  '{"a" 1}',
  '{"a":1]',
  '{}{}',
  '1 2',
  '// a\n1',
  '[1]/**/',
  '\u00a01',
  '\ufeff1',
  '\v1',
  '\f1',
  '[01]',
  '[1.]',
  '[-]',
  '[1e]',
  '[00]',
  '[1a]',
]

test('accepts exactly the texts of the grammar', () => {
  for (const text of valid) assert.equal(scan(text).accepted, true, text)
  for (const text of invalid) assert.equal(scan(text).accepted, false, text)
  for (const text of [...valid, ...invalid]) assert.equal(scan(text).accepted, parses(text), text)
})

test('accepts what JSON.parse accepts, however a text is damaged', () => {
  const mutation = fc.record({
    at: fc.nat(),
    remove: fc.integer({ min: 0, max: 2 }),
    insert: fc.constantFrom(
      '',
      '"',
      '\\',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '0',
      '1',
      '.',
      'e',
      '-',
      ' ',
      '\n',
      'u',
      '\\u',
      'é',
    ),
  })
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 5 }),
      fc.constantFrom(undefined, 1, '\t'),
      fc.array(mutation, { maxLength: 3 }),
      (value, indent, mutations) => {
        let text = JSON.stringify(value, undefined, indent)
        for (const { at, remove, insert } of mutations) {
          const from = at % (text.length + 1)
          text = (text.slice(0, from) + insert + text.slice(from + remove)).toWellFormed()
        }
        assert.equal(scan(text).accepted, parses(text), text)
      },
    ),
    { numRuns: 2000 },
  )
})

test('ends where the value ends', () => {
  for (const text of valid.map((each) => each.trim())) {
    const bytes = Buffer.from(`${text} ,`)
    const scanner = new JsonScanner(bytes)
    assert.ok(scanner.skipValue(bytes[0]!), text)
    assert.equal(scanner.position, Buffer.byteLength(text), text)
  }
})

test('takes 64 levels and refuses the 65th, whatever the containers', () => {
  const nested = (depth: number) => {
    const isArray = Array.from({ length: depth }, (_, level) => level % 3 !== 0)
    return (
      isArray.map((array) => (array ? '[' : '{"a":')).join('') +
      '1' +
      isArray
        .toReversed()
        .map((array) => (array ? ']' : '}'))
        .join('')
    )
  }
  assert.equal(scan(nested(MAX_JSON_DEPTH)).accepted, true)
  assert.equal(scan(nested(MAX_JSON_DEPTH)).scanner.tooDeep, false)
  const { accepted, scanner } = scan(nested(MAX_JSON_DEPTH + 1))
  assert.deepEqual([accepted, scanner.tooDeep], [false, true])
  // Width is not depth.
  assert.equal(scan(`[${'[[]],'.repeat(200)}1]`).accepted, true)
})

test('says where a text is wrong and what was expected', () => {
  const faults: [string, number, string][] = [
    ['{"a":1 "b"}', 7, '"," or "}"'],
    ['[1 2]', 3, '"," or "]"'],
    ['{"a" 1}', 5, '":"'],
    ['[1,x]', 3, 'a value'],
    ['{"a":1,}', 7, 'a member name in double quotes'],
    ['"abc', 4, 'the closing quote of the string'],
    ['[1.x]', 3, 'a digit'],
    ['[tru]', 1, 'a value (true?)'],
    ['{"a":01}', 6, '"," or "}"'],
  ]
  for (const [text, position, expected] of faults) {
    const { scanner, accepted } = scan(text)
    assert.deepEqual([accepted, scanner.position - 5, scanner.expected], [false, position, expected], text)
  }
})

test('notes lone surrogates, and pairs not', () => {
  const lone = (text: string) => scan(text).scanner.loneSurrogateAt - 5
  assert.equal(lone('"\\ud83d\\ude00"'), -6)
  assert.equal(lone('["a","x\\ud83dy"]'), 7)
  assert.equal(lone('"\\ude00\\ud83d"'), 1)
  assert.equal(lone('"\\ud83d\\ud83d\\ude00"'), 1)
  assert.equal(lone('{"\\uDFFF":1}'), 2)
  assert.equal(lone('"\\\\ud83d"'), -6)
})

test('notes numbers that are infinite as a double', () => {
  const infinite = (text: string) => scan(text).scanner.infiniteNumberAt >= 0
  for (const text of ['1e400', '[1,-1e309]', '1.8e308', '9'.repeat(310), `{"a":${'9'.repeat(400)}}`, '123e307']) {
    assert.equal(infinite(text), true, text)
  }
  for (const text of [
    '1e308',
    '1.7e308',
    '[1e-400]',
    '9'.repeat(308),
    '1'.repeat(309),
    `[${'1'.repeat(309)}]`,
    '0.001e310',
    `0.${'1'.repeat(400)}`,
  ]) {
    assert.equal(infinite(text), false, text)
  }
  fc.assert(
    fc.property(fc.integer(), fc.nat(), fc.integer({ min: 290, max: 320 }), (whole, fraction, exponent) => {
      const text = `${whole}.${fraction}e${exponent}`
      assert.equal(infinite(`[${text}]`), !Number.isFinite(Number(text)), text)
    }),
  )
})

test('knows whether all strings are ASCII', () => {
  for (const text of ['"abc"', '["0123456789abcdefghij",{"a":"\\u00e9"}]', '1'])
    assert.equal(scan(text).scanner.isAscii, true)
  for (const text of ['"é"', '["0123456789abcdefghijkl"," 0123456789abcdefghié",1]', '{"a":{"😀":1}}', '"\\né"']) {
    assert.equal(scan(text).scanner.isAscii, false, text)
  }
})

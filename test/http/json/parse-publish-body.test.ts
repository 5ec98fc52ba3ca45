import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parsePublishBody } from '../../../src/http/json/parse-publish-body.ts'
import { parse, keyOf, valueOf, headersOf, recordFault, limits } from './parsed-body.ts'

test('finds every member of a record', () => {
  const columns =
    parse(`{ "records" : [ { "key":"user-42", "value": {"total":12.50} , "partition":3, "timestamp":1700000000000,
    "headers":[{"name":"trace","value":"abc"},{"value":null,"name":"trace"}], "topic":"x", "offset":17 },
    {"value":"second"} ] }`)
  assert.equal(columns.count, 2)
  assert.deepEqual([keyOf(columns), valueOf(columns)], ['user-42', '{"total":12.50}'])
  assert.deepEqual([columns.partition[0], columns.timestamp[0], columns.offset[0]], [3, 1_700_000_000_000, -1])
  assert.deepEqual(headersOf(columns), [
    ['trace', 'abc'],
    ['trace', null],
  ])
  assert.deepEqual([keyOf(columns, 1), valueOf(columns, 1)], [null, 'second'])
  assert.deepEqual([columns.partition[1], columns.timestamp[1]], [-1, -1])
  assert.deepEqual(headersOf(columns, 1), [])
})

test('null means absent, for every optional member', () => {
  const columns = parse(
    '{"records":[{"key":null,"value":"v","partition":null,"timestamp":null,"headers":null,"keyEncoding":null,"valueEncoding":null,"topic":null,"offset":null}]}',
  )
  assert.deepEqual([keyOf(columns), valueOf(columns)], [null, 'v'])
  assert.deepEqual([columns.partition[0], columns.timestamp[0], columns.headerCount], [-1, -1, 0])
  assert.equal(keyOf(parse('{"records":[{"key":"k","value":null}]}')), 'k')
})

test('keeps the text of objects and arrays byte for byte', () => {
  const nested = `${'{"a":'.repeat(64)}1${'}'.repeat(64)}`
  const texts = [
    '{"n":9007199254740993}',
    '{"n":1.0}',
    '{"a":1,"a":2}',
    '{"b":1,"a":2}',
    '{"__proto__":{"x":1}}',
    '[1e400,-0.0]',
    '{"s":"\\u00e9\\/\\n\\ud83d"}',
    '{ "a" :\n [ 1 ,\t2 ] }',
    '{"é":"😀\u2028"}',
    '{}',
    '[]',
    nested,
  ]
  for (const text of texts) {
    for (const format of ['auto', 'json'] as const) {
      const columns = parse(`{"records":[{"key":${text},"value": ${text} }]}`, format)
      assert.deepEqual([keyOf(columns), valueOf(columns)], [text, text])
    }
  }
})

test('auto: a string is its characters, escapes decoded', () => {
  const strings = ['', 'abc', 'é😀', '"\\/\b\f\n\r\t', '\u0000\u001f\u007f\u2028', 'null', '{"a":1}', ' x ', '17']
  for (const string of strings) {
    const escaped = Array.from(string, (c) =>
      c
        .split('')
        .map((u) => `\\u${u.charCodeAt(0).toString(16).padStart(4, '0')}`)
        .join(''),
    )
    for (const text of [JSON.stringify(string), `"${escaped.join('')}"`]) {
      const columns = parse(
        `{"records":[{"key":${text},"value":${text},"headers":[{"name":${text},"value":${text}}]},{"value":"next"}]}`,
      )
      assert.deepEqual([keyOf(columns), valueOf(columns), headersOf(columns)[0]], [string, string, [string, string]])
      assert.equal(valueOf(columns, 1), 'next')
    }
  }
})

test('json: any value is its text, a string with its quotes', () => {
  for (const text of ['"a\\u00e9"', '"\\ud83d"', '12.50', '-0', 'true', 'false', '1e400', '"null"']) {
    assert.equal(valueOf(parse(`{"records":[{"value":${text}}]}`, 'json')), text)
  }
  assert.equal(valueOf(parse('{"records":[{"key":"k","value":null}]}', 'json')), null)
})

test('key and value have formats of their own', () => {
  const columns = parsePublishBody(Buffer.from('{"records":[{"key":"aGk=","value":1}]}'), {
    keyFormat: 'base64',
    valueFormat: 'json',
    ...limits,
  })
  assert.deepEqual([keyOf(columns), valueOf(columns)], ['hi', '1'])
})

test('base64 is decoded wherever its encoding stands, and with escaped slashes', () => {
  for (const format of ['auto', 'json', 'string'] as const) {
    for (const record of [
      '{"key":"AAH/","value":"Pz8/","keyEncoding":"base64","valueEncoding":"base64"}',
      '{"keyEncoding":"base64","valueEncoding":"base64","key":"AAH\\/","value":"Pz8\\u002f"}',
    ]) {
      const columns = parse(`{"records":[${record}]}`, format)
      assert.deepEqual(columns.bytes.subarray(columns.keyStart[0], columns.keyEnd[0]), Buffer.from([0, 1, 255]))
      assert.equal(valueOf(columns), '???')
    }
  }
  const columns = parse('{"records":[{"value":"x","headers":[{"valueEncoding":"base64","value":"aGk=","name":"h"}]}]}')
  assert.deepEqual(headersOf(columns), [['h', 'hi']])
  assert.equal(valueOf(parse('{"records":[{"value":""}]}', 'base64')), '')
})

test('spans are the exact text of any JSON value', () => {
  const value = fc.json().filter((text) => !/^(null|-?\d|true|false)/.test(text))
  fc.assert(
    fc.property(
      fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 5 }),
      fc.constantFrom('', ' ', '\n\t'),
      (pairs, space) => {
        const records = pairs.map(([key, text]) => `{${space}"key"${space}:${space}${key}${space},"value":${text}}`)
        const body = `{"records":[${records.join(`${space},`)}]}`
        const asJson = parse(body, 'json')
        const auto = parse(body)
        for (const [i, [key, text]] of pairs.entries()) {
          assert.deepEqual([keyOf(asJson, i), valueOf(asJson, i)], [key, text])
          const characters: unknown = JSON.parse(text)
          assert.equal(valueOf(auto, i), typeof characters === 'string' ? characters : text)
        }
      },
    ),
  )
})

test('a member name may be written with escapes', () => {
  assert.equal(valueOf(parse('{"r\\u0065cords":[{"valu\\u0065":"x"}]}')), 'x')
  assert.match(recordFault('{"value":"x","valu\\u0065":"y"}').detail, /"value" is there twice/)
})

test('skips a byte order mark', () => {
  assert.equal(valueOf(parse('\ufeff{"records":[{"value":"x"}]}')), 'x')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import type { RecordColumns } from '../../../src/broker/record-columns.ts'
import { parsePublishBody } from '../../../src/http/json/parse-publish-body.ts'
import type { PublishBodyOptions } from '../../../src/http/json/publish-body-options.ts'
import type { RecordFormat } from '../../../src/http/json/record-format.ts'

const limits = { maxRecords: 1000, maxHeaders: 5 }

function optionsOf(format: RecordFormat): PublishBodyOptions {
  return { keyFormat: format, valueFormat: format, ...limits }
}

function parse(body: string | Buffer, format: RecordFormat = 'auto'): RecordColumns {
  return parsePublishBody(Buffer.from(body), optionsOf(format))
}

function span(columns: RecordColumns, start: number, end: number): string | null {
  return start < 0 ? null : columns.bytes.toString('utf8', start, end)
}

function keyOf(columns: RecordColumns, i = 0): string | null {
  return span(columns, columns.keyStart[i]!, columns.keyEnd[i]!)
}

function valueOf(columns: RecordColumns, i = 0): string | null {
  return span(columns, columns.valueStart[i]!, columns.valueEnd[i]!)
}

function headersOf(columns: RecordColumns, i = 0): (string | null)[][] {
  const headers = []
  for (let header = columns.headerFrom[i]!; header < columns.headerFrom[i + 1]!; header++) {
    headers.push([
      span(columns, columns.headerNameStart[header]!, columns.headerNameEnd[header]!),
      span(columns, columns.headerValueStart[header]!, columns.headerValueEnd[header]!),
    ])
  }
  return headers
}

function faultOf(body: string | Buffer, format: RecordFormat = 'auto', options = optionsOf(format)): BrokerError {
  try {
    parsePublishBody(Buffer.from(body), options)
  } catch (error) {
    assert.ok(error instanceof BrokerError, String(error))
    assert.equal(error.status, 400)
    assert.equal(error.options.stored, 'no')
    return error
  }
  return assert.fail(`accepted: ${String(body).slice(0, 100)}`)
}

/** The one fault of a request with this one record. */
function recordFault(record: string, format: RecordFormat = 'auto'): { pointer: string; detail: string } {
  const { code, options } = faultOf(`{"records":[${record}]}`, format)
  assert.equal(code, 'INVALID_REQUEST')
  assert.equal(options.errorCount, 1, JSON.stringify(options.errors))
  return options.errors![0]!
}

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

test('what is not JSON is refused with line, column and byte', () => {
  const cases: [string, number, number, number, RegExp][] = [
    ['{"records":[{"value":"x",}]}', 1, 26, 25, /found \} where another entry after the comma/],
    ['{"records":[\n  {"value":"é" "key":"k"}\n]}', 2, 16, 29, /found " where "," or "}" was expected/],
    ['{"records":[{"value":"x"}]} x', 1, 29, 28, /found x where the end of the body/],
    ['{"records":[{"value":"x"}]', 1, 27, 26, /the body ends where "," or "}"/],
    ['{"records":[{"value":"x', 1, 24, 23, /the body ends where the closing quote/],
    ["{'records':[]}", 1, 2, 1, /double quotes/],
    ['{"records":[{"value":NaN}]}', 1, 22, 21, /found NaN .* no such number/],
    ['{"records":[{"value":True}]}', 1, 22, 21, /found True .* true, false and null/],
    ['{"records":[{"value":"a\nb"}]}', 1, 24, 23, /control characters/],
    ['{"records":[{"value":{"a":01}}]}', 1, 28, 27, /found 1 where "," or "}"/],
    ['key=value', 1, 1, 0, /found key where a value/],
    ['\ufeff\ufeff{}', 1, 2, 3, /found \ufeff where a value/],
    ['{"records":[{"value":"\\u00e9\\u00e9"},\n{"value":}]}', 2, 10, 47, /found \} where a value/],
    ['{"records":[]}\u0000', 1, 15, 14, /end of the body/],
  ]
  for (const [body, line, column, offset, detail] of cases) {
    const error = faultOf(body)
    assert.equal(error.code, 'INVALID_JSON', body)
    assert.deepEqual(error.options.facts, { line, column, offset }, body)
    assert.match(error.message, detail)
    assert.ok(error.message.startsWith(`Line ${line}, column ${column} (byte ${offset})`))
  }
  assert.equal(faultOf('{"records":[{"value":"x"},{"value":}]}').options.errors?.[0]?.pointer, '/records/1')
})

test('every truncation of a body is refused', () => {
  const body =
    '{"records":[{"key":"k\\u00e9","value":{"a":[1.5,true]},"headers":[{"name":"n","value":null}],"partition":1}]}'
  parse(body)
  for (let length = 1; length < body.length; length++) assert.equal(faultOf(body.slice(0, length)).code, 'INVALID_JSON')
})

test('bytes that are not UTF-8 are refused', () => {
  const error = faultOf(
    Buffer.concat([Buffer.from('{"records":[\n{"value":"é'), Buffer.from([0xff]), Buffer.from('"}]}')]),
  )
  assert.equal(error.code, 'INVALID_JSON')
  assert.deepEqual(error.options.facts, { line: 2, column: 12, offset: 25 })
  assert.match(error.message, /0xff is not UTF-8.*base64/)
})

test('a body without records is refused with an example', () => {
  for (const body of [
    '',
    ' \n',
    '\ufeff',
    '{}',
    '{"records":[]}',
    '{"records":null}',
    '[]',
    '"x"',
    '{"records":{}}',
    '{"records":"x"}',
    'null',
  ]) {
    const error = faultOf(body)
    assert.equal(error.code, 'INVALID_REQUEST', body)
    assert.match(error.message, /\{"records":\[\{"key"/, body)
  }
  assert.equal(faultOf('{}').options.errors?.[0]?.pointer, '/records')
})

test('unknown and repeated members are refused by name', () => {
  assert.deepEqual(recordFault('{"value":"x","vlaue":{"a":1}}').pointer, '/records/0/vlaue')
  assert.match(recordFault('{"value":"x","vlaue":1}').detail, /"vlaue".*Did you mean "value"\?/)
  assert.match(recordFault('{"value":"x","a/b~":1}').pointer, /^\/records\/0\/a~1b~0$/)
  assert.match(recordFault('{"value":"x","value":"x"}').detail, /"value" is there twice/)
  assert.equal(recordFault('{"value":"x","topic":1,"topic":2}').pointer, '/records/0/topic')
  assert.equal(recordFault('{"value":"x","headers":[],"headers":[]}').pointer, '/records/0/headers')
  const header = recordFault('{"value":"x","headers":[{"name":"n","Value":"x"}]}')
  assert.deepEqual(header.pointer, '/records/0/headers/0/Value')
  assert.match(header.detail, /Did you mean "value"/)
  assert.equal(recordFault('{"value":"x","headers":[{"name":"n","name":"m"}]}').pointer, '/records/0/headers/0/name')
  assert.equal(faultOf('{"records":[{"value":"x"}],"records":[]}').options.errors?.[0]?.pointer, '/records')
  assert.match(faultOf('{"records":[{"value":"x"}],"acks":"all"}').message, /^\/acks: Unknown member "acks"/)
  assert.match(faultOf('{"key":"k","value":"v"}').message, /member of a record/)
})

test('a part that cannot be stored as asked is refused with the remedy', () => {
  for (const text of ['12.5', 'true', 'false', '-1']) {
    const fault = recordFault(`{"value":${text}}`)
    assert.equal(fault.pointer, '/records/0/value')
    assert.ok(fault.detail.startsWith(text))
    assert.match(fault.detail, /Send the string|format=json/)
    assert.equal(recordFault(`{"key":${text}}`).pointer, '/records/0/key')
  }
  assert.match(recordFault('{"value":{"a":1}}', 'string').detail, /\{"a":1\} is an object.*format=json/)
  assert.match(recordFault('{"value":[1]}', 'base64').detail, /an array.*base64 string/)
  assert.match(recordFault('{"value":{},"valueEncoding":"base64"}').detail, /valueEncoding says base64/)
  assert.match(recordFault('{"value":"x","valueEncoding":"utf8"}').detail, /"utf8" is not an encoding/)
  assert.equal(recordFault('{"key":"eA==","keyEncoding":1}').pointer, '/records/0/keyEncoding')
  const bad = recordFault('{"value":"a\\u0062*=","valueEncoding":"base64"}')
  assert.equal(bad.pointer, '/records/0/value')
  assert.match(bad.detail, /"ab\*=" is not base64: character 3.*aGVsbG8=/)
  assert.match(recordFault('{"value":"aGk"}', 'base64').detail, /padding/)
  for (const record of ['{}', '{"key":null}', '{"key":null,"value":null}', '{"headers":[]}']) {
    assert.match(recordFault(record).detail, /needs a key or a value/)
  }
  assert.match(recordFault('17').detail, /17 is a number. A record is an object/)
})

test('a lone surrogate has no UTF-8: refused in strings, kept in JSON text', () => {
  for (const escape of ['\\ud83d', '\\ude00x', '\\ud83d\\ud83d\\ude00', '\\ude00\\ud83d']) {
    assert.match(recordFault(`{"value":"a${escape}"}`).detail, /surrogate.*format|Format=json/i)
    assert.equal(recordFault(`{"key":"${escape}"}`).pointer, '/records/0/key')
    assert.equal(
      recordFault(`{"value":"v","headers":[{"name":"n","value":"${escape}"}]}`).pointer,
      '/records/0/headers/0/value',
    )
    assert.equal(recordFault(`{"value":"v","headers":[{"name":"${escape}"}]}`).pointer, '/records/0/headers/0/name')
    assert.equal(valueOf(parse(`{"records":[{"value":{"a":"${escape}"}}]}`)), `{"a":"${escape}"}`)
    assert.equal(valueOf(parse(`{"records":[{"value":"${escape}"}]}`, 'json')), `"${escape}"`)
  }
})

test('headers have one shape', () => {
  for (const [headers, pointer] of [
    ['{"a":"b"}', ''],
    ['"x"', ''],
    ['[["a","b"]]', '/0'],
    ['[null]', '/0'],
    ['[{"value":"x"}]', '/0/name'],
    ['[{"name":null,"value":"x"}]', '/0/name'],
    ['[{"name":1,"value":"x"}]', '/0/name'],
    ['[{"name":"a"},{"name":"b","value":1}]', '/1/value'],
    ['[{"name":"a","value":{}}]', '/0/value'],
    ['[{"name":"a","value":"x","valueEncoding":"hex"}]', '/0/valueEncoding'],
    ['[{"name":"a","value":"x","valueEncoding":"base64"}]', '/0/value'],
    [`[${'{"name":"a"},'.repeat(5)}{"name":"a"}]`, ''],
  ]) {
    assert.equal(recordFault(`{"value":"v","headers":${headers}}`).pointer, `/records/0/headers${pointer}`)
  }
  assert.match(
    recordFault(`{"value":"v","headers":[${'{"name":"a"},'.repeat(5)}{"name":"a"}]}`).detail,
    /6 headers.*at most 5/,
  )
  assert.deepEqual(headersOf(parse('{"records":[{"value":"v","headers":[{"name":"","value":""},{"name":"n"}]}]}')), [
    ['', ''],
    ['n', null],
  ])
})

test('timestamps are milliseconds', () => {
  const timestampOf = (text: string) => parse(`{"records":[{"value":"v","timestamp":${text}}]}`).timestamp[0]
  for (const [text, value] of [
    ['-1', -1],
    ['0', 0],
    ['100000000001', 100_000_000_001],
    ['1.7e12', 1.7e12],
    ['9007199254740991', 2 ** 53 - 1],
  ] as const) {
    assert.equal(timestampOf(text), value)
  }
  for (const [text, detail] of [
    ['1700000000', /looks like seconds.*1700000000000/],
    ['1', /seconds/],
    ['100000000000', /seconds/],
    ['-2', /negative/],
    ['9007199254740992', /out of range/],
    ['1700000000000.5', /not an integer/],
    ['"2023-11-14T22:13:20Z"', /a string.*: 1700000000000/],
    ['"soon"', /a string/],
    ['{}', /an object/],
    ['true', /a boolean/],
  ] as const) {
    const fault = recordFault(`{"value":"v","timestamp":${text}}`)
    assert.equal(fault.pointer, '/records/0/timestamp')
    assert.match(fault.detail, detail)
  }
})

test('partitions are integers from 0', () => {
  assert.equal(parse('{"records":[{"value":"v","partition":2147483647}]}').partition[0], 2 ** 31 - 1)
  for (const text of ['-1', '1.5', '2147483648', '"1"', '[]', '1e99']) {
    const fault = recordFault(`{"value":"v","partition":${text}}`)
    assert.equal(fault.pointer, '/records/0/partition')
    assert.ok(fault.detail.startsWith(text))
  }
})

test('nesting deeper than 64 levels is refused where it stands', () => {
  const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  assert.equal(valueOf(parse(`{"records":[{"value":${deep(64)}}]}`)), deep(64))
  for (const member of ['key', 'value']) {
    const fault = recordFault(`{"${member}":${deep(65)}}`)
    assert.equal(fault.pointer, `/records/0/${member}`)
    assert.match(fault.detail, /64 levels/)
  }
  assert.equal(faultOf(`{"records":[{"value":"v"},{"value":${deep(100_000)}}]}`).code, 'INVALID_REQUEST')
  assert.equal(faultOf(deep(100_000)).code, 'INVALID_REQUEST')
})

test('more records than allowed are refused with the limit', () => {
  const records = (count: number) => `{"records":[${Array.from({ length: count }, () => '{"value":"v"}').join(',')}]}`
  assert.equal(parse(records(1000)).count, 1000)
  const error = faultOf(records(1001))
  assert.equal(error.code, 'INVALID_REQUEST')
  assert.match(error.message, /1000 records/)
})

test('tells the first 100 faults in the order of the records, and counts all', () => {
  const records = Array.from({ length: 300 }, (_, i) =>
    i % 2 === 0 ? '{"value":"*","valueEncoding":"base64"}' : '{"value":1}',
  )
  const { options } = faultOf(`{"records":[${records.join(',')}]}`)
  assert.equal(options.errorCount, 300)
  assert.deepEqual(
    options.errors?.map((error) => error.pointer),
    Array.from({ length: 100 }, (_, i) => `/records/${i}/value`),
  )
})

test('shows long values cut, at the end of a character', () => {
  const { detail } = recordFault(`{"value":{"a":"${'é'.repeat(500)}"}}`, 'string')
  assert.ok(detail.length < 200, detail)
  assert.match(detail, /é…/)
  assert.ok(!detail.includes('\ufffd'))
})

test('any damage to a body is either still JSON or refused as not JSON', () => {
  const body =
    '{"records":[{"key":"k","value":{"a":[1.5,true,null]},"headers":[{"name":"n","value":"v"}]},{"value":"x"}]}'
  const insert = fc.constantFrom('', '"', '\\', '{', '}', '[', ']', ',', ':', '0', 'e', ' ', 'é', '\n')
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(body.length), fc.nat(2), insert), { minLength: 1, maxLength: 3 }), (edits) => {
      let text = body
      for (const [at, remove, add] of edits) text = text.slice(0, at) + add + text.slice(at + remove)
      let parsed = true
      try {
        JSON.parse(text)
      } catch {
        parsed = false
      }
      try {
        parse(text)
        assert.ok(parsed, text)
      } catch (error) {
        assert.ok(error instanceof BrokerError, text)
        assert.equal(error.code === 'INVALID_JSON', !parsed, text)
      }
    }),
    { numRuns: 2000 },
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import { parse, valueOf, headersOf, faultOf, recordFault } from './parsed-body.ts'

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

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecordsPage } from '../../../src/http/json/render-records.ts'
import { columnsOf, formats, render, valueText, base64 } from './rendered-records.ts'

test('a record has all its members, in their order', () => {
  assert.equal(
    render({
      key: 'user-42',
      value: '{"total":12.50}',
      headers: [
        ['trace', 'abc'],
        ['n', null],
      ],
      offset: 17,
      timestamp: 1_700_000_000_000,
    }),
    '{"topic":"orders","partition":3,"offset":17,"timestamp":1700000000000,"key":"user-42","value":{"total":12.50},"headers":[{"name":"trace","value":"abc"},{"name":"n","value":null}]}',
  )
  assert.equal(
    render({ offset: 2 ** 53 - 1 }),
    '{"topic":"orders","partition":3,"offset":9007199254740991,"timestamp":-1,"key":null,"value":null,"headers":[]}',
  )
})

test('what is not text is base64, and says so', () => {
  const bytes = Buffer.of(0xff, 0, 1)
  assert.equal(
    render({ key: bytes, value: bytes, headers: [['h', bytes]] }),
    '{"topic":"orders","partition":3,"offset":0,"timestamp":-1,"key":"/wAB","keyEncoding":"base64","value":"/wAB","valueEncoding":"base64","headers":[{"name":"h","value":"/wAB","valueEncoding":"base64"}]}',
  )
  const name = JSON.parse(render({ value: 'v', headers: [[Buffer.of(0x61, 0xff, 0x22), 'x']] })).headers[0].name
  assert.equal(name, 'a\ufffd"')
})

test('auto embeds objects and arrays as they are', () => {
  const nested = `${'['.repeat(64)}${']'.repeat(64)}`
  for (const text of [
    '{}',
    '[]',
    '{"n":9007199254740993}',
    '[1.0,-0]',
    '{"a":1,"a":2}',
    '{"b":1,"a":2}',
    '{"__proto__":1}',
    '[1e308]',
    '{ "a" :\n[ 1 ]}',
    '{"s":"\\u00e9\\/\\ud83d\\ude00"}',
    '{"é":"😀\u2028"}',
    nested,
  ]) {
    assert.equal(valueText(text), text)
    assert.equal(valueText(text, 'json'), text)
  }
})

test('auto shows as exact text what common parsers cannot take, or is no object', () => {
  const deep = `${'['.repeat(65)}${']'.repeat(65)}`
  for (const text of [
    '[1e400]',
    '{"a":"\\ud83d"}',
    deep,
    '{"a":1',
    '{a:1}',
    '[1,]',
    '{',
    '[',
    ' {"a":1}',
    '{"a":1}\n',
    '{}{}',
    '[1][2]',
    '[01]',
    '',
    'abc',
    '12.50',
    'true',
    'null',
    '"x"',
    '"',
    '\\',
    '\u0000\u001f',
    'é😀',
    '{"a":"b\nc"}',
  ]) {
    assert.equal(valueText(text), JSON.stringify(text), text)
    assert.equal(valueText(text, 'string'), JSON.stringify(text), text)
  }
})

test('auto: bytes that are not UTF-8 are base64, inside JSON too', () => {
  for (const bytes of [
    Buffer.of(0xc3),
    Buffer.from('{"a":"\xff"}', 'latin1'),
    Buffer.from('["0123456789abcdef\xe9"]', 'latin1'),
  ]) {
    for (const format of ['auto', 'json', 'string'] as const) assert.equal(valueText(bytes, format), base64(bytes))
  }
})

test('json embeds any JSON text, and nothing that reads as null', () => {
  for (const text of [
    '12.50',
    '-0',
    'true',
    'false',
    '"a\\u00e9"',
    '""',
    '"null"',
    ' [1] ',
    '{"a":null}',
    '9007199254740993',
  ]) {
    assert.equal(valueText(text, 'json'), text)
  }
  for (const text of ['null', ' null\n', '', ' ', 'abc', '01', '"\\ud83d"', '1e400', '"a\nb"', '{}x', '\ufeff1']) {
    assert.equal(valueText(text, 'json'), base64(text), text)
  }
})

test('base64 shows all bytes as base64, and null as null', () => {
  for (const bytes of [Buffer.of(), Buffer.from('abc'), Buffer.of(0xff)])
    assert.equal(valueText(bytes, 'base64'), base64(bytes))
  for (const format of ['auto', 'json', 'string', 'base64'] as const) assert.equal(valueText(null, format), 'null')
})

test('a page takes columns of several partitions, and ends with the members given', () => {
  const page = new RecordsPage({ keyFormat: 'base64', valueFormat: 'string' }, undefined, 1)
  assert.deepEqual(JSON.parse(new RecordsPage(formats('auto')).finish({}).toString()), { records: [] })
  const columns = columnsOf([
    { key: 'a', value: 'x', offset: 5 },
    { value: 'y', offset: 6 },
    { value: 'z', offset: 9 },
  ])
  page.records('orders', 3, columns)
  page.records('orders', 3, columnsOf([]))
  page.records('a"b', 0, columnsOf([{ value: 'other bytes' }]))
  page.records('orders', 3, columnsOf([{ value: 'again' }]))
  page.records('orders', 4, columnsOf([{ value: 'y', offset: 6 }]))
  assert.equal(page.recordCount, 6)
  const { records, cursor, upToDate } = JSON.parse(page.finish({ cursor: 'c"', upToDate: true }).toString())
  assert.deepEqual([cursor, upToDate], ['c"', true])
  assert.deepEqual(
    records.map((record: { topic: string; partition: number; offset: number; value: string }) => [
      record.topic,
      record.partition,
      record.offset,
      record.value,
    ]),
    [
      ['orders', 3, 5, 'x'],
      ['orders', 3, 6, 'y'],
      ['orders', 3, 9, 'z'],
      ['a"b', 0, 0, 'other bytes'],
      ['orders', 3, 0, 'again'],
      ['orders', 4, 6, 'y'],
    ],
  )
  assert.equal(records[0].key, Buffer.from('a').toString('base64'))
})

import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { RecordColumns } from '../../../src/broker/record-columns.ts'
import { parsePublishBody } from '../../../src/http/json/parse-publish-body.ts'
import type { RecordFormat } from '../../../src/http/json/record-format.ts'
import { RecordsPage, renderRecord } from '../../../src/http/json/render-records.ts'

type Bytes = Buffer | string | null

interface StoredRecord {
  readonly key?: Bytes
  readonly value?: Bytes
  readonly headers?: readonly (readonly [Bytes, Bytes])[]
  readonly offset?: number
  readonly timestamp?: number
}

/** Columns as the read path fills them: spans of one buffer, with other bytes in between. */
function columnsOf(records: readonly StoredRecord[]): RecordColumns {
  const pieces: Buffer[] = []
  let length = 0
  const place = (bytes: Bytes | undefined): [number, number] => {
    if (bytes === null || bytes === undefined) return [-1, -1]
    const piece = Buffer.from(bytes)
    pieces.push(Buffer.from('"\xff\\', 'latin1'), piece)
    const start = length + 3
    length = start + piece.length
    return [start, length]
  }
  const columns = new RecordColumns(Buffer.of(), 1)
  for (const { key, value, headers = [], offset = 0, timestamp = -1 } of records) {
    const i = columns.addRecord()
    ;[columns.keyStart[i], columns.keyEnd[i]] = place(key)
    ;[columns.valueStart[i], columns.valueEnd[i]] = place(value)
    columns.offset[i] = offset
    columns.timestamp[i] = timestamp
    for (const [name, headerValue] of headers) columns.addHeader(...place(name), ...place(headerValue))
  }
  columns.bytes = Buffer.concat([...pieces, Buffer.from('"}]')])
  return columns
}

function formats(format: RecordFormat): { keyFormat: RecordFormat; valueFormat: RecordFormat } {
  return { keyFormat: format, valueFormat: format }
}

function render(record: StoredRecord, format: RecordFormat = 'auto'): string {
  return renderRecord('orders', 3, columnsOf([record]), 0, formats(format)).toString()
}

/** The text of the value member, and of its encoding, if any. */
function valueText(value: Bytes, format: RecordFormat = 'auto'): string {
  const text = render({ value }, format)
  JSON.parse(text)
  const start = text.indexOf('"value":') + '"value":'.length
  return text.slice(start, text.lastIndexOf(',"headers"'))
}

function base64(bytes: Buffer | string): string {
  return `"${Buffer.from(bytes).toString('base64')}","valueEncoding":"base64"`
}

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

const anyText = fc.oneof(
  fc.json(),
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('{', '}', '[', ']', '"', '\\', 'u', ',', ':', '1', 'e', ' ', 'é', '\n'),
    maxLength: 12,
  }),
  fc.constantFrom('null', '"\\ud800"', '1e999', '{"a":1e999}', '["\\udc00"]', '-0', '1.0'),
)
const anyBytes: fc.Arbitrary<Bytes> = fc.oneof(
  { arbitrary: anyText.map((text) => Buffer.from(text)), weight: 5 },
  { arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)), weight: 2 },
  fc.constant(null),
)
const anyRecord: fc.Arbitrary<StoredRecord> = fc.record({
  key: anyBytes,
  value: anyBytes.map((bytes) => bytes ?? Buffer.from('value')),
  headers: fc.array(fc.tuple(fc.string({ unit: 'binary' }), anyBytes), { maxLength: 3 }),
  offset: fc.nat(Number.MAX_SAFE_INTEGER),
  timestamp: fc.integer({ min: 1_600_000_000_000, max: 2_000_000_000_000 }),
})

function partsOf(columns: RecordColumns): (string | null)[][] {
  const part = (start: number, end: number) => (start < 0 ? null : columns.bytes.toString('latin1', start, end))
  return Array.from({ length: columns.count }, (_, i) => {
    const parts = [part(columns.keyStart[i]!, columns.keyEnd[i]!), part(columns.valueStart[i]!, columns.valueEnd[i]!)]
    for (let header = columns.headerFrom[i]!; header < columns.headerFrom[i + 1]!; header++) {
      parts.push(part(columns.headerNameStart[header]!, columns.headerNameEnd[header]!))
      parts.push(part(columns.headerValueStart[header]!, columns.headerValueEnd[header]!))
    }
    return parts
  })
}

test('a page is always JSON, and published again gives the same bytes, in every format', () => {
  for (const format of ['auto', 'json', 'string', 'base64'] as const) {
    fc.assert(
      fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 4 }), (records) => {
        const stored = columnsOf(records)
        const page = new RecordsPage(formats(format))
        page.records('orders', 0, stored)
        const body = page.finish({})
        assert.doesNotThrow(() => JSON.parse(body.toString()) as unknown)
        const published = parsePublishBody(body, { ...formats(format), maxRecords: 10, maxHeaders: 10 })
        const expected = partsOf(stored)
        // format=json embeds JSON with the white space around it, which belongs to no value.
        if (format === 'json') for (const parts of expected) trimJson(parts)
        assert.deepEqual(partsOf(published), expected)
        assert.deepEqual(
          [...published.timestamp.subarray(0, published.count)],
          [...stored.timestamp.subarray(0, stored.count)],
        )
      }),
      { numRuns: 300 },
    )
  }
})

function trimJson(parts: (string | null)[]): void {
  for (const i of [0, 1]) {
    const text = parts[i]
    if (text === null || text === undefined) continue
    const shown = valueText(Buffer.from(text, 'latin1'), 'json')
    if (!shown.includes('valueEncoding')) parts[i] = text.replaceAll(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')
  }
}

test('what the reader of a page gets is what was stored', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 3 }), (records) => {
      const page = new RecordsPage(formats('string'))
      page.records('orders', 0, columnsOf(records))
      const read = JSON.parse(page.finish({}).toString()).records
      for (const [i, { key, value, offset, timestamp }] of records.entries()) {
        assert.deepEqual([read[i].offset, read[i].timestamp], [offset, timestamp])
        for (const [bytes, name] of [
          [key, 'key'],
          [value, 'value'],
        ] as const) {
          const encoding = read[i][`${name}Encoding`]
          if (bytes === null || bytes === undefined) assert.equal(read[i][name], null)
          else {
            assert.equal(encoding, isUtf8(Buffer.from(bytes)) ? undefined : 'base64')
            assert.deepEqual(Buffer.from(read[i][name], encoding ?? 'utf8'), Buffer.from(bytes))
          }
        }
      }
    }),
    { numRuns: 200 },
  )
})

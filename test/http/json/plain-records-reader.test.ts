import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { RecordColumns } from '../../../src/broker/record-columns.ts'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import { PendingDecodings } from '../../../src/http/json/pending-decodings.ts'
import { parsePublishBody } from '../../../src/http/json/parse-publish-body.ts'
import type { PublishBodyOptions } from '../../../src/http/json/publish-body-options.ts'
import { PlainRecordsReader } from '../../../src/http/json/plain-records-reader.ts'
import { PublishBodyReader } from '../../../src/http/json/publish-body-reader.ts'

/** What a client and the broker could see of a reading. */
function outcomeOf(body: Buffer, read: (columns: RecordColumns) => RecordColumns): unknown {
  try {
    const columns = read(new RecordColumns(Buffer.from(body)))
    const { count, headerCount } = columns
    return {
      count,
      headerCount,
      body: columns.bytes.toString('latin1'),
      timestamp: columns.timestamp.slice(0, count),
      partition: columns.partition.slice(0, count),
      spans: [columns.keyStart, columns.valueStart].map((starts) => starts.slice(0, count)),
      // The end of what is null means nothing.
      keyEnds: columns.keyEnd.slice(0, count).map((end, i) => (columns.keyStart[i]! < 0 ? -1 : end)),
      valueEnds: columns.valueEnd.slice(0, count).map((end, i) => (columns.valueStart[i]! < 0 ? -1 : end)),
      headerFrom: columns.headerFrom.slice(0, count + 1),
      headers: [columns.headerNameStart, columns.headerNameEnd, columns.headerValueStart, columns.headerValueEnd].map(
        (column) => column.slice(0, headerCount),
      ),
    }
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    return { code: error.code, message: error.message, options: error.options }
  }
}

function bothRead(body: Buffer, options: PublishBodyOptions): void {
  assert.deepEqual(
    outcomeOf(body, (columns) => parsePublishBody(columns.bytes, options, columns)),
    outcomeOf(body, (columns) => new PublishBodyReader(options, columns).read()),
    body.toString(),
  )
}

const format = fc.constantFrom('auto' as const, 'json' as const, 'string' as const, 'base64' as const)
const anyOptions = fc.record({
  keyFormat: fc.oneof({ weight: 4, arbitrary: fc.constant('auto' as const) }, format),
  valueFormat: fc.oneof({ weight: 4, arbitrary: fc.constant('auto' as const) }, format),
  maxRecords: fc.constantFrom(3, 1000),
  maxHeaders: fc.constant(2),
})
const texts = [
  '""',
  '"a"',
  '"user-42"',
  '"aGVsbG8="',
  '"x\\"y\\\\"',
  '"\\u00e9\\ud83d\\ude00"',
  '"\\ud83d"',
  '"\\x"',
  '"é😀"',
  '"0123456789abcdef0123456789"',
  '"0123456789abc\\ndef"',
  '"0123456789é"',
  '"tab\there"',
  '"open',
  '"end\\',
  '{}',
  '[]',
  '[[]]',
  '{"a":{"b":[1,-2.5e3,0,true,false,null,"s"]}}',
  '{ "a" : [ 1 , 2 ] }',
  '{"a":1,}',
  '{"a" 1}',
  '[1,2',
  '{"a":01}',
  '{"a":1.}',
  '{"é\\n":"0123456789\\t"}',
  `${'['.repeat(64)}${']'.repeat(64)}`,
  '['.repeat(65),
  '0',
  '3',
  '-1',
  '01',
  '1e400',
  '2147483648',
  '1700000000000',
  '17000000000000000000',
  '1.5',
  'null',
  'nul',
  'true',
  '',
  '[{"name":"n","value":"v"}]',
  '[{"name":1}]',
  '}',
  ']',
  "'a'",
]
const anyText = fc.constantFrom(...texts)
const names = [
  'key',
  'value',
  'value',
  'value',
  'partition',
  'timestamp',
  'headers',
  'topic',
  'offset',
  'keyEncoding',
  'valueEncoding',
  'kex',
  'values',
  'valux',
  'partitiom',
  'timestamq',
  '\\u006bey',
  '',
]
const anyName = fc.constantFrom(...names)
const space = fc.oneof({ weight: 5, arbitrary: fc.constant('') }, fc.constantFrom(' ', '\n\t', '\r', '\u00a0'))
const anyMember = fc.tuple(space, anyName, space, anyText, space).map(([a, name, b, text, c]) => {
  return `${a}"${name}"${b}:${c}${text}`
})
const anyRecord = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('{"key":"k","value":{"n":1}}', '{"value":"text"}', '{"value":"\\n","key":"\\t"}'),
  },
  fc.tuple(fc.array(anyMember, { maxLength: 4 }), space).map(([members, s]) => `{${members.join(',')}${s}}`),
  anyText,
)
const anyBody = fc
  .tuple(
    fc.array(anyRecord, { maxLength: 5 }),
    space,
    fc.constantFrom('', '', '', ',"records":[]', ',"a":1', ','),
    space,
  )
  .map(([records, a, tail, b]) => `${a}{${b}"records"${a}:${b}[${a}${records.join(`${b},${a}`)}${b}]${a}${tail}}${b}`)

test('reads what the exact reader reads, and refuses what it refuses, in its words', () => {
  fc.assert(
    fc.property(anyBody, anyOptions, (body, options) => bothRead(Buffer.from(body), options)),
    { numRuns: 3000 },
  )
})

test('the same of bodies with bytes changed, cut out and put in', () => {
  const edit = fc.tuple(
    fc.nat(),
    fc.nat({ max: 3 }),
    fc.oneof(fc.constantFrom(...Buffer.from('{}[],:"\\0 n')), fc.nat(255)),
  )
  fc.assert(
    fc.property(anyBody, fc.array(edit, { minLength: 1, maxLength: 3 }), anyOptions, (text, edits, options) => {
      let body = Buffer.from(text)
      for (const [place, kind, byte] of edits) {
        const at = place % (body.length + 1)
        const put = kind === 1 ? [] : [byte]
        body = Buffer.concat([body.subarray(0, at), Buffer.from(put), body.subarray(kind === 2 ? at : at + 1)])
        if (kind === 3) body = body.subarray(0, at)
      }
      bothRead(body, options)
    }),
    { numRuns: 3000 },
  )
})

test('the same of a body cut anywhere, and of any bytes', () => {
  const body = Buffer.from(
    '{"records":[{"key":"k","value":{"a":[1,2.5,"0123456789abc"],"b":null},"partition":3,"timestamp":1700000000000}, {"value":"x"}]}',
  )
  const options = { keyFormat: 'auto', valueFormat: 'auto', maxRecords: 9, maxHeaders: 9 } as const
  for (let end = 0; end <= body.length; end++) bothRead(body.subarray(0, end), options)
  fc.assert(fc.property(fc.uint8Array(), (bytes) => bothRead(Buffer.from(bytes), options)))
})

test('reads usual bodies to their end by itself', () => {
  const reader = new PlainRecordsReader()
  const formats = { keyFormat: 'auto', valueFormat: 'auto' } as const
  for (const records of [
    '{"value":1}'.replace('1', '[]'),
    '{"key":"k","value":"v"},{"value":null,"key":"k"}',
    ' { "partition" : 3 , "timestamp" : 1700000000000 , "value" : { "a" : [ 1 , "\\u00e9" ] } } ',
    '{"value":"say \\"hi\\""}',
    '{"value":{"name":"Größe 東京","long":"0123456789 Größe"}}',
  ]) {
    for (const body of [`{"records":[${records}]}`, ` {"records" : [ ${records} ] }\n`]) {
      const columns = new RecordColumns(Buffer.from(body))
      const pending = new PendingDecodings()
      assert.ok(reader.begin(columns.bytes, formats), body)
      reader.read(columns, 100, pending)
      assert.ok(reader.isWhole, body)
    }
  }
})

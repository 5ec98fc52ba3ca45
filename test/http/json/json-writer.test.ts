import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { JsonText, JsonWriter } from '../../../src/http/json/json-writer.ts'

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

test('writes integers as JavaScript does', () => {
  const edges = [0, 1, 9, 10, 99, 100, 999_999_999, 1_000_000_000, 1_000_000_001, 1_700_000_000_000, -1, -(2 ** 53)]
  for (const value of [...edges, Number.MAX_SAFE_INTEGER, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 1e15, 10_000_000_000]) {
    const writer = new JsonWriter(1)
    writer.writeInteger(value)
    assert.equal(writer.bytes().toString(), String(value))
  }
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      const writer = new JsonWriter(1)
      writer.writeInteger(value)
      assert.equal(writer.bytes().toString(), String(value))
    }),
  )
})

test('writes strings that JSON.parse reads back, and tells ASCII', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '\u0001', '\u007f', 'é', '😀') }),
  )
  fc.assert(
    fc.property(text, fc.nat(3), (string, offset) => {
      const source = Buffer.from('x'.repeat(offset) + string)
      const writer = new JsonWriter(1)
      const isAscii = writer.writeString(viewOf(source), offset, source.length)
      assert.equal(JSON.parse(writer.bytes().toString()), string)
      assert.equal(
        isAscii,
        source.every((byte) => byte < 0x80),
      )
    }),
    { numRuns: 500 },
  )
})

test('escapes as briefly as it can', () => {
  const source = Buffer.from('"\\/\b\f\n\r\t\u0001\u001f\u007f')
  const writer = new JsonWriter(1)
  writer.writeString(viewOf(source), 0, source.length)
  assert.equal(writer.bytes().toString(), '"\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\u007f"')
})

test('grows under anything, and can be set back', () => {
  const writer = new JsonWriter(1)
  writer.write(new JsonText('{"é":'))
  const before = writer.length
  writer.writeText('"ü😀"')
  writer.length = before
  writer.writeBase64(Buffer.from([1, 2, 3, 255]), 0, 4)
  writer.writeBytes(Buffer.from('x,y,z'), 1, 4)
  writer.writeBytes(Buffer.alloc(300, ' '))
  writer.writeByte(0x7d)
  assert.equal(writer.bytes().toString(), `{"é":"AQID/w==",y,${' '.repeat(300)}}`)
})

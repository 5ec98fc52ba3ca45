import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { base64Fault, decodeBase64InPlace } from '../../../src/http/json/base64-text.ts'

function fault(text: string): string | undefined {
  const bytes = Buffer.from(`A${text}A`)
  return base64Fault(bytes, 1, bytes.length - 1)
}

test('decodes in place what any encoder writes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (original) => {
      const text = Buffer.from(`<${Buffer.from(original).toString('base64')}>`)
      assert.equal(base64Fault(text, 1, text.length - 1), undefined)
      const end = decodeBase64InPlace(text, 1, text.length - 1)
      assert.deepEqual(new Uint8Array(text.subarray(1, end)), original)
      assert.equal(text.at(-1), 0x3e)
    }),
  )
})

test('takes only the canonical form', () => {
  for (const text of ['', 'QQ==', 'QUI=', 'QUJD', '+/+/']) assert.equal(fault(text), undefined, text)
  for (const text of ['QQ', 'QUI', 'Q', 'QQ=', '=', '====', 'QQ==QQ==', 'QUJD====', 'Q==='])
    assert.ok(fault(text), text)
  for (const text of ['QR==', 'QUJ=']) assert.match(fault(text) ?? '', /unused bits/, text)
  for (const text of ['-_-_', 'QU D', 'QUI\n', 'QUé=', '*UJD']) assert.match(fault(text) ?? '', /character \d/, text)
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('A', 'Q', 'R', 'g', '/', '=', '-', ' '), maxLength: 8 }), (text) => {
      const canonical = Buffer.from(text, 'base64').toString('base64') === text
      assert.equal(fault(text) === undefined, canonical, text)
    }),
  )
})

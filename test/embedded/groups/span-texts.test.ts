import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SpanTexts } from '../../../src/embedded/groups/span-texts.ts'

test('the text of a span is its bytes, however many others came between', () => {
  const texts = new SpanTexts('utf8')
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 10_000; i++) {
      const bytes = Buffer.from(`xx group-${i} xx`)
      assert.equal(texts.text(bytes, 3, bytes.length - 3), `group-${i}`)
    }
  }
})

test('ids are base64url', () => {
  assert.equal(new SpanTexts('base64url').text(Buffer.from([0xff, 0xfe, 0xfd]), 0, 3), '__79')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { shortDigest } from '../../../src/broker/short-digest.ts'
import { EntryIndex } from '../../../src/kafka/claims/entry-index.ts'

const step = fc.record({
  name: fc.nat(300).map(String),
  offset: fc.nat(100_000),
  seconds: fc.nat(1000),
  sweepBefore: fc.option(fc.nat(1000), { nil: undefined, freq: 40 }),
})

test('an index knows the furthest entry of each name, and none that was swept', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
      const index = new EntryIndex()
      const model = new Map<string, { offset: number; seconds: number }>()
      for (const { name, offset, seconds, sweepBefore } of steps) {
        if (sweepBefore !== undefined) {
          index.sweep(sweepBefore * 1000)
          for (const [known, { seconds: made }] of model) if (made < sweepBefore) model.delete(known)
        }
        index.put(shortDigest(name), offset, seconds * 1000, 0)
        if ((model.get(name)?.offset ?? -1) < offset) model.set(name, { offset, seconds })
      }
      assert.equal(index.count, model.size)
      for (let number = 0; number <= 300; number++) {
        const known = model.get(String(number))
        const digest = shortDigest(String(number))
        assert.equal(index.offsetOf(digest), known?.offset ?? -1)
        assert.equal(index.madeAt(digest), (known?.seconds ?? 0) * 1000)
      }
    }),
  )
})

test('a hundred thousand entries take less than 45 bytes each, and give their room back when they expired', () => {
  const index = new EntryIndex()
  for (let number = 0; number < 100_000; number++) index.put(shortDigest(`${number}`), number, number * 1000, 0)
  assert.ok(index.sizeBytes / index.count < 45, `${index.sizeBytes / index.count}`)
  index.sweep(99_000_000)
  assert.equal(index.count, 1000)
  assert.ok(index.sizeBytes < 50_000)
  assert.equal(index.offsetOf(shortDigest('99500')), 99_500)
})

test('what has expired makes room before more is taken', () => {
  const index = new EntryIndex()
  for (let number = 0; number < 100_000; number++) {
    index.put(shortDigest(`${number}`), number, number * 1000, (number - 1000) * 1000)
  }
  assert.ok(index.sizeBytes < 200_000, `${index.sizeBytes}`)
})

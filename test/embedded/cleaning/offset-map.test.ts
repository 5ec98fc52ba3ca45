import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import * as fc from 'fast-check'
import { OFFSET_MAP_SLOT_BYTES, OffsetMap } from '../../../src/embedded/cleaning/offset-map.ts'

function mapOf(maxBytes: number, loadFactor = 0.9): OffsetMap {
  return new OffsetMap({ secret: randomBytes(16), maxBytes, loadFactor })
}

test('it is a map, as long as there is room', () => {
  const anyKey = fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes))
  const anyOffset = fc.oneof(fc.nat(100), fc.maxSafeNat())
  fc.assert(
    fc.property(fc.array(fc.tuple(anyKey, anyOffset), { maxLength: 300 }), anyKey, (puts, asked) => {
      const map = mapOf(1024 * 1024)
      const model = new Map<string, number>()
      for (const [key, offset] of puts) {
        assert.equal(map.put(key, 0, key.length, offset), true)
        model.set(key.toString('hex'), offset)
      }
      assert.equal(map.size, model.size)
      for (const key of [asked, ...puts.map(([put]) => put)]) {
        assert.equal(map.get(key, 0, key.length), model.get(key.toString('hex')) ?? -1)
      }
    }),
  )
})

test('it grows with its keys and keeps them all', () => {
  const map = mapOf(64 * 1024 * 1024)
  const keys = Buffer.alloc(4 * 200_000)
  for (let number = 0; number < 200_000; number++) keys.writeUInt32BE(number, number * 4)
  for (let number = 0; number < 200_000; number++) map.put(keys, number * 4, number * 4 + 4, number * 2 ** 20)
  for (let number = 0; number < 200_000; number++) {
    assert.equal(map.get(keys, number * 4, number * 4 + 4), number * 2 ** 20)
  }
})

test('full, it refuses further keys, takes newer offsets of those it has, and has used about the room it was given', () => {
  const slots = 50_000
  const map = mapOf(slots * OFFSET_MAP_SLOT_BYTES, 0.8)
  const key = Buffer.alloc(4)
  let number = 0
  for (; ; number++) {
    key.writeUInt32BE(number)
    if (!map.put(key, 0, 4, number)) break
  }
  assert.equal(map.size, number)
  assert.ok(number > slots * 0.6 && number <= slots * 0.8, `${number} keys`)
  assert.equal(map.get(key, 0, 4), -1)
  key.writeUInt32BE(number - 1)
  assert.equal(map.put(key, 0, 4, 2 ** 40), true)
  assert.equal(map.get(key, 0, 4), 2 ** 40)
})

test('even the smallest room takes a key', () => {
  const map = mapOf(0)
  assert.equal(map.put(Buffer.from('key'), 0, 3, 7), true)
  assert.equal(map.get(Buffer.from('key'), 0, 3), 7)
})

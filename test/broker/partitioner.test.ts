import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { StickyPartitioner, partitionForKey } from '../../src/broker/partitioner.ts'

const counts = [3, 6, 10, 12, 50] as const

/** What Kafka's clients choose with 3, 6, 10, 12 and 50 partitions. */
const vectors: readonly (readonly [Buffer, readonly number[]])[] = [
  [Buffer.from(''), [0, 3, 1, 9, 31]],
  [Buffer.from('a'), [1, 4, 4, 4, 24]],
  [Buffer.from('21'), [0, 0, 0, 0, 40]],
  [Buffer.from('abc'), [0, 3, 7, 3, 7]],
  [Buffer.from('key'), [1, 1, 1, 1, 31]],
  [Buffer.from('foobar'), [0, 0, 6, 6, 16]],
  [Buffer.from('user-42'), [1, 4, 0, 4, 10]],
  [Buffer.from('ключ'), [2, 2, 4, 8, 24]],
  [Buffer.from('a-little-bit-long-string'), [2, 2, 2, 8, 12]],
  [Buffer.from('a-little-bit-longer-string'), [2, 5, 9, 11, 19]],
  [Buffer.from('lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8'), [2, 5, 7, 5, 27]],
  [Buffer.from([0]), [2, 2, 8, 8, 38]],
  [Buffer.from([0xff, 0xfe]), [0, 3, 1, 3, 1]],
]

for (const [key, partitions] of vectors) {
  test(`the key ${JSON.stringify(key.toString('latin1'))} goes where Kafka's clients put it`, () => {
    assert.deepEqual(
      counts.map((count) => partitionForKey(key, 0, key.length, count)),
      partitions,
    )
  })
}

test('any key has a partition of the topic', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 10_000 }), (key, count) => {
      const partition = partitionForKey(key, 0, key.length, count)
      assert(Number.isInteger(partition) && partition >= 0 && partition < count)
    }),
  )
})

/** Draws these numbers one after the other. */
function drawing(...numbers: number[]): () => number {
  return () => numbers.shift() ?? assert.fail('drawn too often')
}

test('keyless records stay in a partition until 16 KiB were produced', () => {
  const sticky = new StickyPartitioner(drawing(0.5, 0.99))
  assert.equal(sticky.partitionFor('orders', 6), 3)
  sticky.produced('orders', 16_383)
  assert.equal(sticky.partitionFor('orders', 6), 3)
  sticky.produced('orders', 1)
  assert.equal(sticky.partitionFor('orders', 6), 5)
})

test('topics do not share a partition, and a topic remade smaller draws again', () => {
  const sticky = new StickyPartitioner(drawing(0.9, 0, 0.4))
  assert.equal(sticky.partitionFor('orders', 10), 9)
  assert.equal(sticky.partitionFor('other', 10), 0)
  assert.equal(sticky.partitionFor('orders', 5), 2)
})

test('a partition can be left', () => {
  const sticky = new StickyPartitioner(drawing(0, 0.9))
  assert.equal(sticky.partitionFor('orders', 10), 0)
  sticky.leave('orders')
  assert.equal(sticky.partitionFor('orders', 10), 9)
  sticky.produced('unknown', 1)
})

test('all partitions are drawn alike', () => {
  const drawn = Array.from({ length: 6 }, () => 0)
  let at = 0
  const sticky = new StickyPartitioner(() => (at++ % 600) / 600)
  for (let i = 0; i < 600; i++) {
    drawn[sticky.partitionFor('orders', 6)]! += 1
    sticky.produced('orders', 16_384)
  }
  assert.deepEqual(drawn, [100, 100, 100, 100, 100, 100])
})

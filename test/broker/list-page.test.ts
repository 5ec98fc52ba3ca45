import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { CursorCodec } from '../../src/broker/cursor.ts'
import { pageOf, partitionKey, type ListPage } from '../../src/broker/list-page.ts'

const cursors = new CursorCodec({ engine: 'embedded', clusterId: 'c' })

test('pages in a row give each item once, in order, whatever the limit', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string()), fc.integer({ min: 1, max: 5 }), (names, limit) => {
      const items = names.sort()
      const seen: string[] = []
      let cursor: string | null = null
      do {
        const page: ListPage<string> = pageOf(
          items,
          (item) => item,
          'names',
          { limit, ...(cursor !== null && { cursor }) },
          cursors,
        )
        assert.ok(page.items.length <= limit)
        seen.push(...page.items)
        cursor = page.nextCursor
      } while (cursor !== null)
      assert.deepEqual(seen, items)
    }),
    { numRuns: 100 },
  )
})

test('an item removed or added between two pages neither hides nor repeats another', () => {
  const first = pageOf(['a', 'c', 'e'], (item) => item, 'names', { limit: 2 }, cursors)
  assert.deepEqual(first.items, ['a', 'c'])
  const cursor = first.nextCursor ?? ''
  const second = pageOf(['b', 'd', 'e'], (item) => item, 'names', { limit: 2, cursor }, cursors)
  assert.deepEqual(second, { items: ['d', 'e'], nextCursor: null })
})

test('partitions sort as numbers', () => {
  assert.ok(partitionKey(2) < partitionKey(10))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type OffsetRow, OffsetTable } from '../../../src/embedded/groups/offset-table.ts'

function row(topic: string, partition: number, nextOffset: number): OffsetRow {
  return { topic, topicId: `id-of-${topic}`, partition, nextOffset, metadata: `m${nextOffset}`, commitTimestamp: 7 }
}

test('the table holds what a plain map would hold', () => {
  const step = fc.record({
    group: fc.constantFrom('a', 'b', 'c'),
    topic: fc.constantFrom('t', 'u'),
    partition: fc.nat(4),
    nextOffset: fc.nat(1000),
    remove: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = new OffsetTable()
      const model = new Map<string, Map<string, OffsetRow>>()
      for (const { group, topic, partition, nextOffset, remove } of steps) {
        const rows = model.get(group) ?? new Map<string, OffsetRow>()
        const key = `${topic}-${partition}`
        if (remove) {
          table.remove(group, topic, partition)
          rows.delete(key)
        } else {
          table.put(group, row(topic, partition, nextOffset))
          rows.set(key, row(topic, partition, nextOffset))
        }
        if (rows.size === 0) model.delete(group)
        else model.set(group, rows)
      }
      assert.deepEqual([...table.groups()].sort(), [...model.keys()].sort())
      for (const group of ['a', 'b', 'c']) {
        const expected = [...(model.get(group)?.values() ?? [])]
        assert.deepEqual(sorted([...table.rows(group)]), sorted(expected))
        for (const entry of expected) assert.deepEqual(table.get(group, entry.topic, entry.partition), entry)
      }
      let size = 0
      for (const rows of model.values()) size += rows.size
      assert.equal(table.size, size)
    }),
    { numRuns: 100 },
  )
})

function sorted(rows: OffsetRow[]): OffsetRow[] {
  return rows.sort((a, b) => (a.topic + a.partition < b.topic + b.partition ? -1 : 1))
}

test('it grows, and tells the groups of a topic', () => {
  const table = new OffsetTable()
  for (let i = 0; i < 5000; i++) table.put(`group-${i % 50}`, row(i % 2 === 0 ? 'even' : 'odd', i, i))
  assert.equal(table.size, 5000)
  assert.equal(table.get('group-49', 'odd', 4999)?.nextOffset, 4999)
  assert.equal(table.groupsOfTopic('id-of-even').length, 25)
  assert.deepEqual(table.groupsOfTopic('id-of-none'), [])
})

test('a row that was removed is of no topic', () => {
  const table = new OffsetTable()
  table.put('a', row('t', 0, 1))
  table.remove('a', 't', 0)
  assert.deepEqual(table.groupsOfTopic('id-of-t'), [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { GroupSubscriptions } from '../../../src/embedded/groups/group-subscriptions.ts'

const name = (prefix: string) => fc.integer({ min: 0, max: 4 }).map((number) => `${prefix}${number}`)

test('a topic has the groups whose newest subscription names it', () => {
  const changes = fc.array(fc.tuple(name('g'), fc.uniqueArray(name('t'))))
  fc.assert(
    fc.property(changes, (list) => {
      const subscriptions = new GroupSubscriptions()
      const model = new Map<string, readonly string[]>()
      for (const [group, topics] of list) {
        subscriptions.set(group, new Set(topics))
        model.set(group, topics)
      }
      for (const topic of ['t0', 't1', 't2', 't3', 't4']) {
        const expected = [...model].filter(([, topics]) => topics.includes(topic)).map(([group]) => group)
        assert.deepEqual(subscriptions.groupsOf(topic).sort(), expected.sort())
      }
    }),
  )
})

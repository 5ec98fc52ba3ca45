import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConcurrencyLimit } from '../../src/broker/concurrency-limit.ts'

test('no more run at the same time than the limit, the others in the order in which they came', async () => {
  const limit = new ConcurrencyLimit(2)
  const begun: number[] = []
  const ends: (() => void)[] = []
  const runs = [0, 1, 2, 3].map((task) =>
    limit.run(async () => {
      begun.push(task)
      await new Promise<void>((resolve) => ends.push(resolve))
      return task
    }),
  )
  assert.deepEqual(begun, [0, 1])
  ends[1]?.()
  assert.equal(await runs[1], 1)
  assert.deepEqual(begun, [0, 1, 2])
  ends[0]?.()
  ends[2]?.()
  await Promise.all([runs[0], runs[2]])
  assert.deepEqual(begun, [0, 1, 2, 3])
  ends[3]?.()
  assert.equal(await runs[3], 3)
})

test('a task that fails makes room, and of many the first error is told when all have ended', async () => {
  const limit = new ConcurrencyLimit(1)
  const done: number[] = []
  const each = limit.forEach([1, 2, 3, 4], async (item) => {
    done.push(item)
    if (item % 2 === 0) throw new Error(`item ${item}`)
  })
  await assert.rejects(each, /item 2/)
  assert.deepEqual(done, [1, 2, 3, 4])
  assert.equal(await limit.run(() => Promise.resolve('free')), 'free')
})

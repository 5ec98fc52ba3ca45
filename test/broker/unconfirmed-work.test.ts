import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UnconfirmedWork } from '../../src/broker/unconfirmed-work.ts'

const upTo = (committed: Record<string, number>) => (partition: string, offset: number) =>
  (committed[partition] ?? 0) >= offset

test('work is as old as the oldest of it that is not committed', () => {
  const work = new UnconfirmedWork(10_000)
  assert.equal(work.ageMs(5000, upTo({})), 0)
  work.sent(1000, new Map([['a', 3]]))
  work.sent(
    3000,
    new Map([
      ['a', 5],
      ['b', 1],
    ]),
  )
  assert.equal(work.ageMs(4000, upTo({ b: 1 })), 3000)
  assert.equal(work.ageMs(4000, upTo({ a: 3, b: 1 })), 1000)
  assert.equal(work.ageMs(6000, upTo({ a: 4, b: 1 })), 3000)
  assert.equal(work.ageMs(6000, upTo({ a: 5, b: 1 })), 0)
  work.sent(7000, new Map([['a', 6]]))
  assert.equal(work.ageMs(7500, upTo({ a: 5 })), 500)
})

test('what is sent all the time is remembered by a bounded number of moments, none younger than it is', () => {
  const work = new UnconfirmedWork(10_000)
  for (let at = 0; at < 10_000; at += 1) work.sent(at, new Map([['a', at + 1]]))
  const ages = new Set<number>()
  for (let committed = 0; committed < 10_000; committed += 1) {
    const age = work.ageMs(10_000, upTo({ a: committed }))
    assert.ok(age >= 10_000 - committed, `committed ${committed}: ${age} ms`)
    assert.ok(age <= 10_000 - committed + 101, `committed ${committed}: ${age} ms`)
    ages.add(age)
  }
  assert.ok(ages.size <= 101, `${ages.size} moments`)
})

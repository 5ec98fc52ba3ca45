import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountOf } from './account.ts'
import type { Entry, PartitionOffset } from './journal.ts'

/** Each call is answered 1 ms after it was sent. */
function member(owner: string) {
  const entries: Entry[] = []
  const call = (at: number) => ({ first: at, sent: at, received: at + 1 })
  const told = (at: number, assignment: readonly number[], revoking: readonly number[] = []) => ({
    ...call(at),
    epoch: 1,
    assignment,
    revoking,
  })
  const self = {
    entries,
    joins(at: number, assignment: readonly number[]) {
      const limits = { sessionTimeoutMs: 100, maxPollIntervalMs: 300 }
      entries.push({ kind: 'joined', memberId: owner, owner, ...limits, ...told(at, assignment) })
      return self
    },
    reads(at: number, assignment: readonly number[], ...ranges: [number, number, number][]) {
      entries.push({ kind: 'page', ranges, ...told(at, assignment) })
      return self
    },
    isToLetGo(at: number, assignment: readonly number[], revoking: readonly number[]) {
      entries.push({ kind: 'page', ranges: [], ...told(at, assignment, revoking) })
      return self
    },
    commits(
      at: number,
      offered: PartitionOffset[],
      { items = offered, refused = [] as number[], released = [] as number[] } = {},
    ) {
      entries.push({ kind: 'committing', at, offered, released })
      entries.push({ kind: 'committed', offered, items, refused, ...call(at) })
      return self
    },
    loses(at: number) {
      entries.push({ kind: 'lost', code: 'UNKNOWN_MEMBER_ID', doing: 'fetching', ...call(at) })
      return self
    },
  }
  return self
}

function violations(ends: readonly number[], ...members: readonly { readonly entries: readonly Entry[] }[]): string[] {
  return [...accountOf(new Map(members.map(({ entries }, index) => [String(index), entries])), ends).violations]
}

/** Reads 0 to 9, lets go properly; the other goes on from there. */
function handOver() {
  const a = member('a').joins(0, [0]).reads(10, [0], [0, 0, 10]).isToLetGo(20, [], [0])
  return { a, b: member('b') }
}

test('a proper hand-over is nothing to complain about', () => {
  const { a, b } = handOver()
  a.commits(30, [[0, 10]], { released: [0] })
  b.joins(5, [])
    .reads(40, [0], [0, 10, 20])
    .commits(50, [[0, 20]])
  assert.deepEqual(violations([20], a, b), [])
})

test('two owners at once are seen', () => {
  const { a, b } = handOver()
  a.commits(30, [[0, 10]], { released: [0] })
  b.joins(5, []).reads(22, [0])
  assert.match(violations([10], a, b).join(), /a and b both held partition 0/)
})

test('a session that ended is no hold, one that is open is', () => {
  const b = member('b')
  const a = member('a').joins(0, [0]).reads(10, [0], [0, 0, 10])
  b.joins(5, [])
    .reads(111, [0], [0, 0, 10])
    .commits(115, [[0, 10]])
  assert.deepEqual(violations([10], a, b), [])
  const early = member('b').joins(5, []).reads(80, [0], [0, 0, 10])
  assert.match(violations([10], a, early).join(), /both held/)
})

test('a stale commit that was accepted is seen, one that was refused or already done is not', () => {
  const { a, b } = handOver()
  b.joins(5, []).reads(150, [0], [0, 0, 10])
  const stale = (how: object) =>
    violations([10], { entries: [...a.entries, ...member('a').commits(160, [[0, 10]], how).entries] }, b)
  // The journal's owner stands in its join, so the second part belongs to it as well.
  assert.match(stale({}).join(), /a stale commit of a for 0 was accepted/)
  assert.deepEqual(stale({ items: [], refused: [0] }), [])
  b.commits(155, [[0, 10]])
  assert.deepEqual(stale({}), [])
})

test('a commit that was refused though its partition was held is seen', () => {
  const a = member('a')
    .joins(0, [0])
    .reads(10, [0], [0, 0, 10])
    .commits(20, [[0, 10]], { items: [], refused: [0] })
    .reads(30, [0])
  assert.match(violations([10], a).join(), /which it held, was refused/)
})

test('records that nobody got, that were left out or came twice are seen', () => {
  assert.match(violations([10], member('a').joins(0, [0])).join(), /nobody got the records 0 to 9/)
  assert.match(
    violations([10], member('a').joins(0, [0]).reads(1, [0], [0, 0, 4]).reads(2, [0], [0, 6, 10])).join(),
    /nobody got the records 4 to 5/,
  )
  assert.match(
    violations([10], member('a').joins(0, [0]).reads(1, [0], [0, 0, 10]).reads(2, [0], [0, 0, 10])).join(),
    /after it had read up to 10/,
  )
  assert.match(
    violations(
      [10],
      member('a').joins(0, [0]).reads(1, [0], [0, 5, 10]),
      member('b').joins(200, [0]).reads(210, [0], [0, 0, 10]),
    ).join(),
    /when nobody had committed more than 0/,
  )
})

test('a committed offset that moved back is seen', () => {
  const a = member('a')
    .joins(0, [0])
    .reads(1, [0], [0, 0, 10])
    .commits(10, [[0, 10]])
    .commits(20, [[0, 5]])
  assert.match(violations([10], a).join(), /went from 10 back to 5/)
})

test('a partition that vanished is seen', () => {
  const a = member('a').joins(0, [0, 1]).reads(1, [0], [0, 0, 10])
  assert.match(violations([10, 0], a).join(), /partition 1 was taken away/)
})

test('what a successor lets go of is not held by the process before it', () => {
  const before = member('a').joins(0, [0]).reads(10, [0], [0, 0, 10])
  const after = member('a')
    .joins(20, [0])
    .isToLetGo(25, [], [0])
    .commits(30, [], { released: [0] })
  const b = member('b').joins(5, []).reads(40, [0], [0, 0, 10])
  assert.deepEqual(violations([10], before, after, b), [])
})

test('a commit for what was let go of is seen if it was stored, before anybody else has the partition', () => {
  const { a } = handOver()
  a.commits(30, [[0, 10]], { released: [0] }).commits(40, [[0, 11]])
  assert.match(violations([10], a).join(), /had let go of 0, and its commit of 11 was accepted/)
  const refused = handOver()
    .a.commits(30, [[0, 10]], { released: [0] })
    .commits(40, [[0, 11]], { items: [], refused: [0] })
  assert.deepEqual(violations([10], refused), [])
  const again = handOver().a.commits(30, [[0, 10]], { released: [0] })
  again.reads(40, [0], [0, 10, 11]).commits(50, [[0, 11]])
  assert.deepEqual(violations([11], again), [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReadTurns } from '../../src/embedded/read-turns.ts'

async function turn(): Promise<void> {
  await new Promise(setImmediate)
}

test('reads of one turn share its bytes; what one does not need is there for the others', () => {
  const turns = new ReadTurns(1000)
  assert.equal(turns.begin(600), undefined)
  turns.giveBack(500)
  assert.equal(turns.begin(900), undefined)
  assert.ok(turns.begin(1) instanceof Promise)
})

test('one read alone may be larger than a turn', () => {
  assert.equal(new ReadTurns(1000).begin(5000), undefined)
})

test('reads that wait go on in their order, a turn at a time, behind nobody who comes later', async () => {
  const turns = new ReadTurns(1000)
  assert.equal(turns.begin(1000), undefined)
  const order: number[] = []
  for (const read of [1, 2, 3, 4]) void turns.begin(500)?.then(() => order.push(read))
  await turn()
  assert.deepEqual(order, [1, 2])
  assert.ok(turns.begin(1) instanceof Promise)
  await turn()
  assert.deepEqual(order, [1, 2, 3, 4])
})

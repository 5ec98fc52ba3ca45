import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PublishTurns } from '../../src/http/publish-turns.ts'

const KIB = 1024

async function turn(): Promise<void> {
  await new Promise(setImmediate)
}

function taking(turns: PublishTurns): { take: (name: string, bytes: number) => void; gone: string[] } {
  const gone: string[] = []
  return { take: (name, bytes) => turns.take(bytes, () => gone.push(name)), gone }
}

test('bodies of one turn share its bytes; those beyond wait, in their order, before all that come later', async () => {
  const { take, gone } = taking(new PublishTurns(() => true, 100 * KIB))
  for (const name of ['a', 'b', 'c', 'd', 'e']) take(name, 40 * KIB)
  take('small', 1)
  assert.deepEqual(gone, ['a', 'b'])
  await turn()
  assert.deepEqual(gone, ['a', 'b', 'c', 'd'])
  take('late', 1)
  await turn()
  assert.deepEqual(gone, ['a', 'b', 'c', 'd', 'e', 'small', 'late'])
})

test('a body larger than a turn has one for itself', async () => {
  const { take, gone } = taking(new PublishTurns(() => true, 100 * KIB))
  take('a', 500 * KIB)
  take('b', 500 * KIB)
  assert.deepEqual(gone, ['a'])
  await turn()
  assert.deepEqual(gone, ['a', 'b'])
})

test('small bodies never wait for a turn where nobody waits', () => {
  const { take, gone } = taking(new PublishTurns(() => true, 100 * KIB))
  for (let body = 0; body < 1000; body++) take('small', KIB)
  assert.equal(gone.length, 1000)
})

test('where there is no memory bodies wait until some is given free, without a turn spent on asking', async () => {
  let room = false
  const turns = new PublishTurns(() => room, 100 * KIB)
  const { take, gone } = taking(turns)
  take('a', KIB)
  take('b', KIB)
  await turn()
  turns.freed()
  await turn()
  assert.deepEqual(gone, [])
  room = true
  turns.freed()
  await turn()
  assert.deepEqual(gone, ['a', 'b'])
})

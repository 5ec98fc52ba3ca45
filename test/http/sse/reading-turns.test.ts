import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { test } from 'node:test'
import { ReadingTurns, TURN_PIECES } from '../../../src/http/sse/reading-turns.ts'

test('of many that read at once few do so in a turn of the event loop, in their order, whatever becomes of one', async () => {
  const turns = new ReadingTurns()
  const done: number[] = []
  const all = Array.from({ length: 10 * TURN_PIECES }, (_, number) =>
    turns.run(() => {
      done.push(number)
      return number === 3 ? Promise.reject(new Error('unreadable')) : Promise.resolve(number)
    }),
  )
  const settled = Promise.allSettled(all)
  for (let most = TURN_PIECES; done.length < all.length; most += TURN_PIECES) {
    assert.ok(done.length <= most, `${done.length} of ${most}`)
    await nextTurn()
  }
  assert.deepEqual(
    done,
    all.map((_, number) => number),
  )
  assert.equal((await settled).filter(({ status }) => status === 'rejected').length, 1)
  assert.equal(await turns.run(() => Promise.resolve('later')), 'later')
})

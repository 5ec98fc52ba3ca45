import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '../../src/broker/logger.ts'
import { NodeDoubts } from '../../src/kafka/node-doubts.ts'
import { FakeClock } from '../support/fake-clock.ts'

const node = { nodeId: 1, host: 'kafka-1', port: 9092 }
const settle = () => new Promise((resolve) => setImmediate(resolve))

/** Nodes that answer newcomers, or not, and what was given up. */
function doubtsOf() {
  const clock = new FakeClock()
  const state = { isThere: true, probes: 0, givenUp: 0 }
  const doubts = new NodeDoubts({
    probe: () => {
      state.probes++
      return state.isThere ? Promise.resolve(true) : Promise.reject(new Error('nothing'))
    },
    giveUp: () => state.givenUp++,
    clock,
    logger: silentLogger,
  })
  return { clock, state, doubts }
}

async function advance(clock: FakeClock, milliseconds: number): Promise<void> {
  clock.advance(milliseconds)
  await settle()
}

test('a node that takes long is asked again and again, and keeps its connections while it answers', async () => {
  const { clock, state, doubts } = doubtsOf()
  const slow = Promise.withResolvers<string>()
  const watched = doubts.watch(node, slow.promise)
  for (let round = 0; round < 3; round++) await advance(clock, 2000)
  assert.deepEqual([state.probes, state.givenUp, doubts.isAvoided(1)], [3, 0, false])
  slow.resolve('late')
  assert.equal(await watched, 'late')
  await advance(clock, 10_000)
  assert.equal(state.probes, 3)
})

test('a node that hangs is given up, and avoided until it answers or some time has passed', async () => {
  const { clock, state, doubts } = doubtsOf()
  const hanging = [Promise.withResolvers<string>(), Promise.withResolvers<string>()]
  const watched = hanging.map(({ promise }) => doubts.watch(node, promise))
  state.isThere = false
  await advance(clock, 1999)
  assert.equal(state.probes, 0)
  await advance(clock, 1)
  assert.deepEqual([state.probes, state.givenUp, doubts.isAvoided(1)], [1, 1, true])
  assert.equal(doubts.isAvoided(2), false)
  for (const { reject } of hanging) reject(new Error('closed'))
  for (const one of watched) await assert.rejects(one, /closed/)
  await advance(clock, 9999)
  assert.equal(doubts.isAvoided(1), true)
  await advance(clock, 1)
  assert.equal(doubts.isAvoided(1), false)
})

test('what is answered in time asks nobody', async () => {
  const { clock, state, doubts } = doubtsOf()
  assert.equal(await doubts.watch(node, Promise.resolve('at once')), 'at once')
  await assert.rejects(doubts.watch(node, Promise.reject(new Error('refused'))), /refused/)
  await advance(clock, 60_000)
  assert.equal(state.probes, 0)
})

import assert from 'node:assert/strict'
import test from 'node:test'
import { TopicTurns } from '../../src/broker/topic-turns.ts'

const settle = () => new Promise(setImmediate)

test('a request that is ready goes at once where nobody is before it', async () => {
  const turns = new TopicTurns()
  let went = false
  const answer = turns.take('orders', 1, (ready) => {
    went = true
    return Promise.resolve(ready + 1)
  })
  assert.equal(went, true)
  assert.equal(await answer, 2)
})

test('those behind wait for the turn of one that is not ready, but not for its answer', async () => {
  const turns = new TopicTurns()
  const log: string[] = []
  const slow = Promise.withResolvers<string>()
  const never = new Promise<string>(() => {})
  const step = (answer: Promise<string>) => (name: string) => {
    log.push(name)
    return answer
  }
  void turns.take('orders', slow.promise, step(never))
  const second = turns.take('orders', 'second', step(Promise.resolve('answered')))
  void turns.take('payments', 'elsewhere', step(never))
  await settle()
  assert.deepEqual(log, ['elsewhere'])
  slow.resolve('first')
  assert.equal(await second, 'answered')
  assert.deepEqual(log, ['elsewhere', 'first', 'second'])
  void turns.take('orders', 'third', step(never))
  assert.deepEqual(log.at(-1), 'third', 'nothing is left to wait for')
})

test('one that fails to get ready, or in its step, leaves its place to those behind and none ahead', async () => {
  const turns = new TopicTurns()
  const log: string[] = []
  const slow = Promise.withResolvers<string>()
  const step = (name: string): Promise<string> => {
    log.push(name)
    if (name === 'broken') throw new Error('broken step')
    return Promise.resolve(name)
  }
  const first = turns.take('orders', slow.promise, step)
  const failed = turns.take('orders', Promise.reject(new Error('not ready')), step)
  const broken = turns.take('orders', 'broken', step)
  const last = turns.take('orders', 'last', step)
  const rejections = Promise.all([assert.rejects(failed, /not ready/), assert.rejects(broken, /broken step/)])
  await settle()
  assert.deepEqual(log, [])
  slow.resolve('first')
  assert.deepEqual(await Promise.all([first, last]), ['first', 'last'])
  await rejections
  assert.deepEqual(log, ['first', 'broken', 'last'])
})

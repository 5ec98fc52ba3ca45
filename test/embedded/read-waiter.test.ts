import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReadWaiter, type Advancing } from '../../src/embedded/read-waiter.ts'
import { brokerError } from '../support/engine-records.ts'
import { FakeClock } from '../support/fake-clock.ts'

class Source implements Advancing {
  readonly listeners = new Set<() => void>()

  onAdvance(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  advance(): void {
    for (const listener of this.listeners) listener()
  }
}

/** Whether it has ended by now. */
async function hasEnded(wait: Promise<void>): Promise<boolean> {
  const turn = new Promise<'pending'>((resolve) => setImmediate(() => resolve('pending')))
  return (await Promise.race([wait.then(() => 'ended'), turn])) === 'ended'
}

function setUp() {
  const clock = new FakeClock()
  return { clock, waiter: new ReadWaiter(clock, 2), sources: [new Source(), new Source()] }
}

test('the first of advance, time and signal ends a wait, and nothing of it is left', async () => {
  const { clock, waiter, sources } = setUp()
  const controller = new AbortController()
  const ends = [() => sources[1]?.advance(), () => clock.advance(100), () => controller.abort()]
  for (const end of ends) {
    const wait = waiter.wait(sources, 100, controller.signal)
    assert.equal(await hasEnded(wait), false)
    assert.equal(waiter.count, 1)
    end()
    await wait
    assert.equal(waiter.count, 0)
    assert.equal(clock.pendingTimers, 0)
    assert.ok(sources.every(({ listeners }) => listeners.size === 0))
  }
})

test('time counts to the millisecond', async () => {
  const { clock, waiter, sources } = setUp()
  const wait = waiter.wait(sources, 100, undefined)
  clock.advance(99)
  assert.equal(await hasEnded(wait), false)
  clock.advance(1)
  assert.equal(await hasEnded(wait), true)
})

test('no more wait than allowed; an end makes room', async () => {
  const { waiter, sources } = setUp()
  const waits = [waiter.wait(sources, 100, undefined), waiter.wait(sources, 100, undefined)]
  const refused = brokerError('SERVER_OVERLOADED', { retryAfterSeconds: 1 })
  assert.throws(() => void waiter.wait(sources, 100, undefined), refused)
  sources[0]?.advance()
  await Promise.all(waits)
  const third = waiter.wait(sources, 100, undefined)
  assert.equal(await hasEnded(third), false)
  waiter.close()
  await third
})

test('a close ends all waits, and those that begin later', async () => {
  const { clock, waiter, sources } = setUp()
  const waits = [waiter.wait(sources, 1000, undefined), waiter.wait([], 1000, undefined)]
  waiter.close()
  await Promise.all(waits)
  await waiter.wait(sources, 1000, undefined)
  assert.equal(clock.pendingTimers, 0)
})

test('a signal that was aborted before is not waited for', async () => {
  const { waiter, sources } = setUp()
  await waiter.wait(sources, 1000, AbortSignal.abort())
  assert.equal(waiter.count, 0)
})

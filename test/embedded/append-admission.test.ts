import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppendAdmission } from '../../src/embedded/append-admission.ts'
import { brokerError } from '../support/engine-records.ts'
import { FakeClock } from '../support/fake-clock.ts'

function admission(waitMs = 1000): {
  admission: AppendAdmission
  clock: FakeClock
  disk: { bytes: number }
} {
  const clock = new FakeClock()
  const disk = { bytes: 0 }
  const options = { maxBytes: 1000, waitMs, notDurableBytes: () => disk.bytes, clock }
  return { admission: new AppendAdmission(options), clock, disk }
}

test('appends wait for room in their order', async () => {
  const { admission: appends } = admission()
  assert.equal(appends.admit(900, 'all'), undefined)
  const order: number[] = []
  const waits = [800, 100, 100].map((bytes) => appends.admit(bytes, 'all')?.then(() => order.push(bytes)))
  assert.ok(waits.every((wait) => wait !== undefined))
  appends.release(900)
  await Promise.all(waits)
  assert.deepEqual(order, [800, 100, 100])
})

test('an append that waits too long is refused, and those behind it go on', async () => {
  const { admission: appends, clock } = admission()
  assert.equal(appends.admit(900, 'all'), undefined)
  const late = appends.admit(800, 'all')
  clock.advance(500)
  const next = appends.admit(100, 'all')
  assert.ok(late !== undefined && next !== undefined)
  const refused = assert.rejects(late, brokerError('SERVER_OVERLOADED', { stored: 'no', retryAfterSeconds: 1 }))
  clock.advance(510)
  await Promise.all([refused, next])
  assert.equal(appends.refusals, 1)
})

test('who does not wait for the disk waits for it where too much is not durable', async () => {
  const { admission: appends, clock, disk } = admission()
  disk.bytes = 950
  const wait = appends.admit(100, '0')
  assert.ok(wait !== undefined)
  clock.advance(100)
  disk.bytes = 0
  clock.advance(10)
  await wait
  assert.equal(clock.pendingTimers, 0)
})

test('it is settled when nothing is under way and nobody waits', async () => {
  const { admission: appends, clock } = admission()
  await appends.settled()
  assert.equal(appends.admit(900, 'all'), undefined)
  const wait = appends.admit(900, 'all')
  let settled = false
  const end = appends.settled().then(() => (settled = true))
  appends.release(900)
  await wait
  assert.equal(settled, false)
  appends.release(900)
  await end
  clock.advance(10)
  assert.equal(clock.pendingTimers, 0)
})

test('with no time to wait it is refused at once', async () => {
  const { admission: appends } = admission(0)
  assert.equal(appends.admit(2000, 'all'), undefined)
  await assert.rejects(async () => appends.admit(1, 'all'), brokerError('SERVER_OVERLOADED', { stored: 'no' }))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Acks } from '../../src/broker/append-request.ts'
import { AppendAdmission } from '../../src/broker/append-admission.ts'
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

interface Appending {
  readonly bytes: number
  readonly acks: Acks
  readonly latest: number
}

const anyAppend = fc.record({
  kind: fc.constant('append' as const),
  bytes: fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 2000 })),
  acks: fc.constantFrom<Acks>('all', 'all', '1', '0'),
})
const anyAnswer = fc.record({ kind: fc.constant('answer' as const), choice: fc.nat() })
const anyDisk = fc.record({ kind: fc.constant('disk' as const), bytes: fc.integer({ min: 0, max: 1500 }) })
const anyTime = fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 600 }) })
const anyStep = fc.oneof({ weight: 4, arbitrary: anyAppend }, { weight: 3, arbitrary: anyAnswer }, anyDisk, anyTime)

test('no more is under way than the limit but one alone, nobody is overtaken, and nobody waits while there is room', async () => {
  const property = fc.asyncProperty(fc.array(anyStep, { maxLength: 50, size: 'max' }), async (steps) => {
    const { admission: appends, clock, disk } = admission()
    const underWay: Appending[] = []
    const line: Appending[] = []
    const sum = (): number => underWay.reduce((total, { bytes }) => total + bytes, 0)
    const others = (acks: Acks): number => (acks === 'all' ? sum() : disk.bytes)
    const hasRoom = ({ bytes, acks }: Appending): boolean => others(acks) === 0 || others(acks) + bytes <= 1000
    const admitted = (append: Appending): void => {
      assert.ok(hasRoom(append), `${append.bytes} bytes beside ${others(append.acks)} of others`)
      underWay.push(append)
    }
    const waits: Promise<void>[] = []
    const answered = async (room: Promise<void>, append: Appending): Promise<void> => {
      const isAdmitted = await room.then(
        () => true,
        () => false,
      )
      assert.equal(line.shift(), append, 'it overtook others')
      if (isAdmitted) admitted(append)
      else assert.ok(append.latest <= clock.monotonic(), 'it was refused before its time')
    }
    const come = (append: Appending): void => {
      const room = appends.admit(append.bytes, append.acks)
      if (room === undefined) {
        assert.deepEqual(line, [], 'it went before those that waited')
        return admitted(append)
      }
      line.push(append)
      waits.push(answered(room, append))
    }
    for (const step of steps) {
      if (step.kind === 'append') come({ ...step, latest: clock.monotonic() + 1000 })
      else if (step.kind === 'disk') disk.bytes = step.bytes
      else if (step.kind === 'time') clock.advance(step.ms)
      else {
        const [done] = underWay.splice(step.choice % Math.max(1, underWay.length), 1)
        if (done !== undefined) appends.release(done.bytes)
      }
      await new Promise(setImmediate)
      // Nobody tells of the disk: it is looked at now and then.
      if (step.kind === 'disk') clock.advance(10)
      await new Promise(setImmediate)
      const [first] = line
      if (first !== undefined) {
        assert.ok(!hasRoom(first), 'it waits though there is room')
        assert.ok(first.latest + 10 > clock.monotonic(), 'it waits for too long')
      }
    }
    for (; underWay.length > 0 || line.length > 0; await new Promise(setImmediate)) {
      for (const { bytes } of underWay.splice(0)) appends.release(bytes)
      disk.bytes = 0
      clock.advance(10)
    }
    await Promise.all([...waits, appends.settled()])
    clock.advance(10)
    assert.equal(clock.pendingTimers, 0)
  })
  await fc.assert(property, { numRuns: 200 })
})

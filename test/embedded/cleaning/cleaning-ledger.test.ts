import assert from 'node:assert/strict'
import test from 'node:test'
import { silentLogger } from '../../../src/broker/logger.ts'
import { CleaningLedger } from '../../../src/embedded/cleaning/cleaning-ledger.ts'
import { PartitionLog } from '../../../src/embedded/log/partition-log.ts'
import { emptySegmentFacts, Segment } from '../../../src/embedded/log/segment.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { placementOf } from '../../support/log-directory-fixture.ts'

function partition(): PartitionLog {
  const segments = [new Segment('/data/orders-0', emptySegmentFacts(0, 0), 0)]
  return new PartitionLog(placementOf(0), '/data/orders-0', { segments, logEndOffset: 0, fenced: [] })
}

const figures = {
  bytesBefore: 2,
  bytesAfter: 1,
  recordsRead: 2,
  recordsKept: 1,
  keys: 1,
  isMapFull: false,
  durationMs: 3,
}

test('a thread that dies rests ever longer; a log over which it died three times in a row is left alone', () => {
  const clock = new FakeClock()
  const ledger = new CleaningLedger(clock, silentLogger)
  const log = partition()
  const died = { outcome: 'died', reason: 'out of memory' } as const
  assert.equal(ledger.ended(log, died), 1000)
  assert.deepEqual(
    ledger.troubles().map(({ kind }) => kind),
    ['cleaner-died'],
  )
  assert.equal(ledger.waits(log), true)
  clock.advance(1000)
  assert.equal(ledger.waits(log), false)
  assert.equal(ledger.ended(log, died), 2000)
  clock.advance(2000)
  assert.equal(ledger.ended(log, died), 4000)
  clock.advance(86_400_000)
  assert.equal(ledger.waits(log), true)
  assert.match(ledger.troubles()[0]?.detail ?? '', /partition 0 of orders .* out of memory \(3 times\)/)
})

test('a round that succeeds ends what was told of the log before', () => {
  const clock = new FakeClock()
  const ledger = new CleaningLedger(clock, silentLogger)
  const log = partition()
  ledger.ended(log, { outcome: 'died', reason: 'out of memory' })
  ledger.ended(log, { outcome: 'disk-full', reason: '1 byte is free' })
  assert.equal(ledger.waits(log), true)
  clock.advance(60_000)
  assert.equal(ledger.waits(log), false)
  ledger.ended(log, { outcome: 'cleaned', figures })
  assert.deepEqual(ledger.troubles(), [])
  assert.deepEqual(ledger.entry(log), { cleanedMs: clock.now(), figures })
  // Deaths count in a row, and the rest begins anew.
  assert.equal(ledger.ended(log, { outcome: 'died', reason: 'again' }), 1000)
})

test('a failure that time does not mend is not tried again', () => {
  const clock = new FakeClock()
  const ledger = new CleaningLedger(clock, silentLogger)
  const log = partition()
  ledger.ended(log, { outcome: 'failed', reason: 'EIO', passes: false })
  clock.advance(86_400_000)
  assert.equal(ledger.waits(log), true)
  assert.equal(ledger.troubles()[0]?.kind, 'partition-uncleanable')
  ledger.forget(log)
  assert.deepEqual([ledger.waits(log), ledger.troubles()], [false, []])
})

test('a failure that time mends is told and tried again; any other waits for the next start', () => {
  const clock = new FakeClock()
  const ledger = new CleaningLedger(clock, silentLogger)
  const log = partition()
  const failed = { outcome: 'failed', reason: 'too many open files' } as const
  ledger.ended(log, { ...failed, passes: true })
  assert.deepEqual([ledger.waits(log), ledger.troubles().length], [true, 1])
  clock.advance(60_000)
  assert.equal(ledger.waits(log), false)
  ledger.ended(log, { ...failed, passes: false })
  clock.advance(86_400_000)
  assert.equal(ledger.waits(log), true)
})

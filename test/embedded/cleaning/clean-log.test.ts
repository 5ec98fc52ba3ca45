import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  baseOffset,
  baseSequence,
  baseTimestamp,
  deleteHorizonMs,
  lastOffset,
  maxTimestamp,
  producerEpoch,
  producerId,
  recordCount,
} from '../../../src/codec/record-batch.ts'
import { CleaningStopped } from '../../../src/embedded/cleaning/clean-log.ts'
import { DamagedSegmentError } from '../../../src/embedded/cleaning/segment-batches.ts'
import { decodeBatch } from '../../support/record-spans.ts'
import { tempDirectory } from '../../support/temp-directory.ts'
import { START_MS, DELETE_RETENTION_MS, LogOnDisk, Model } from './log-on-disk.ts'

const anyRecord = fc.record({
  key: fc.option(fc.nat(150).map(String), { freq: 20 }),
  value: fc.option(fc.string({ maxLength: 30 }), { freq: 5 }),
})
const anySegment = fc.record({
  batches: fc.array(fc.array(anyRecord, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 6 }),
  hasAppendTime: fc.boolean(),
})
const anyRound = fc.record({
  segments: fc.array(anySegment, { maxLength: 4 }),
  /** The first takes one key for each of its tables. */
  mapBytes: fc.constantFrom(0, 64 * 24 * 2, 1024 * 1024),
  passedMs: fc.constantFrom(0, 500, DELETE_RETENTION_MS, 5000),
})

test('round by round what stays is what Kafka’s rules leave', (t) => {
  const directory = tempDirectory(t)
  let number = 0
  fc.assert(
    fc.property(fc.array(anyRound, { minLength: 1, maxLength: 5 }), (rounds) => {
      const log = new LogOnDisk(path.join(directory, String(number++)))
      fs.mkdirSync(log.directory)
      const model = new Model()
      let nowMs = START_MS
      for (const { segments, mapBytes, passedMs } of rounds) {
        for (const { batches, hasAppendTime } of segments) log.addSegment(batches, hasAppendTime)
        model.take(log)
        const before = new Map(log.batches().map((batch) => [baseOffset(batch, 0), batch]))
        const fromOffset = log.firstDirtyOffset
        const bases = log.segments.map((segment) => segment.baseOffset)
        nowMs += passedMs
        log.clean({ nowMs }, mapBytes)
        model.clean([fromOffset, log.firstDirtyOffset], bases, nowMs)
        const plain = model.records.map(({ offset, timestamp, key, value, headers }) => {
          return { offset, timestamp, key, value, headers }
        })
        assert.deepEqual(log.records(), plain)
        for (const batch of log.batches()) assertFits(batch, before.get(baseOffset(batch, 0)), model)
        // The round's end is always there to be seen.
        const end = log.batches().at(-1)
        if (end && log.firstDirtyOffset === log.endOffset) assert.equal(lastOffset(end, 0) + 1, log.endOffset)
        // Rounds never stand still.
        if (log.firstDirtyOffset < log.endOffset) assert.ok(log.firstDirtyOffset > fromOffset)
      }
      fs.rmSync(log.directory, { recursive: true })
    }),
    { numRuns: 150 },
  )
})

/** A batch is of the one with its base offset: of the same length in offsets, its newest record's time in the header. */
function assertFits(batch: Buffer, before: Buffer | undefined, model: Model): void {
  assert.ok(before)
  assert.equal(lastOffset(batch, 0), lastOffset(before, 0))
  const records = decodeBatch(batch)
  if (records.length === recordCount(before, 0) && deleteHorizonMs(batch, 0) === deleteHorizonMs(before, 0)) {
    assert.deepEqual(batch, before)
  }
  if (records.length === 0) return
  const timestamps = records.map(({ timestamp }) => timestamp)
  assert.equal(maxTimestamp(batch, 0), Math.max(...timestamps))
  const horizon = model.records.find(({ offset }) => offset === records[0]?.offset)?.horizon
  assert.equal(deleteHorizonMs(batch, 0), horizon)
}

function stateLog(directory: string): LogOnDisk {
  const log = new LogOnDisk(directory)
  log.addSegment([[{ key: 'a', value: '1' }], [{ key: 'b', value: '2' }]])
  log.addSegment([[{ key: 'a', value: null }], [{ key: 'c', value: '3' }]])
  return log
}

function seen(log: LogOnDisk): string[] {
  return log
    .records()
    .map(({ offset, key, value }) => `${offset} ${String(key)}=${value === null ? '' : String(value)}`)
}

test('a tombstone stays until the delete horizon that its first round gave it, and only while the clock is believed', (t) => {
  const log = stateLog(tempDirectory(t))
  log.clean()
  assert.deepEqual(seen(log), ['1 b=2', '2 a=', '3 c=3'])
  log.clean({ nowMs: START_MS + DELETE_RETENTION_MS - 1 })
  assert.deepEqual(seen(log), ['1 b=2', '2 a=', '3 c=3'])
  log.clean({ nowMs: START_MS + DELETE_RETENTION_MS, mayExpireTombstones: false })
  assert.deepEqual(seen(log), ['1 b=2', '2 a=', '3 c=3'])
  log.clean({ nowMs: START_MS + DELETE_RETENTION_MS })
  assert.deepEqual(seen(log), ['1 b=2', '3 c=3'])
})

test('the batch a round ends with leaves its header, and so does that of a producer’s last records', (t) => {
  const log = new LogOnDisk(tempDirectory(t))
  const keyless = { key: null, value: 'dropped' }
  log.addSegment([[keyless, keyless], [{ key: 'a', value: '1' }], [keyless, keyless, keyless]])
  const [first, , last] = log.batches()
  assert.ok(first && last)
  log.clean()
  assert.deepEqual(seen(log), ['2 a=1'])
  const headers = log.batches().filter((batch) => recordCount(batch, 0) === 0)
  assert.deepEqual(
    headers.map((batch) => [batch.length, baseOffset(batch, 0), lastOffset(batch, 0), maxTimestamp(batch, 0)]),
    [[61, 3, 5, maxTimestamp(last, 0)]],
  )

  const producers = new LogOnDisk(tempDirectory(t))
  producers.addSegment([[keyless, keyless], [{ key: 'a', value: '1' }]], false, { id: 77n, epoch: 3, sequence: 9 })
  producers.clean({ lastOffsetsOfProducers: new Map([[77n, 1]]) })
  assert.deepEqual(seen(producers), ['2 a=1'])
  const [header] = producers.batches()
  assert.ok(header)
  assert.deepEqual([header.length, lastOffset(header, 0), producerId(header, 0)], [61, 1, 77n])
  assert.deepEqual([producerEpoch(header, 0), baseSequence(header, 0), baseTimestamp(header, 0)], [3, 9, -1])
  producers.clean()
  assert.equal(producers.batches().length, 1)
})

test('damage ends a round, and nothing half-made is left', (t) => {
  const log = stateLog(tempDirectory(t))
  const [, second] = log.segments
  assert.ok(second)
  const bytes = fs.readFileSync(second.path)
  bytes[bytes.length - 2]! ^= 1
  fs.writeFileSync(second.path, bytes)
  const names = fs.readdirSync(log.directory)
  assert.throws(
    () => log.clean(),
    (error) => error instanceof DamagedSegmentError && error.segmentBaseOffset === 2,
  )
  assert.deepEqual(fs.readdirSync(log.directory), names)
})

test('a round that is stopped leaves nothing half-made', (t) => {
  const log = stateLog(tempDirectory(t))
  const names = fs.readdirSync(log.directory)
  for (let calls = 1; calls < 6; calls++) {
    let left = calls
    const stop = (): void => {
      if (--left === 0) throw new CleaningStopped()
    }
    assert.throws(() => log.clean({}, undefined, stop), CleaningStopped)
    assert.deepEqual(fs.readdirSync(log.directory), names)
  }
})

test('it gives up where too little of the disk would be left, and the originals stay', (t) => {
  const log = stateLog(tempDirectory(t))
  const names = fs.readdirSync(log.directory)
  assert.throws(() => log.clean({ keepFreeBytes: Number.MAX_SAFE_INTEGER }), /are kept free/)
  assert.deepEqual(fs.readdirSync(log.directory), names)
})

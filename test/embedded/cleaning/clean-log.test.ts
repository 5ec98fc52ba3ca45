import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { crc32c } from '../../../src/codec/crc32c.ts'
import {
  assignOffsets,
  baseOffset,
  baseSequence,
  baseTimestamp,
  batchSizeBytes,
  checkBatch,
  deleteHorizonMs,
  lastOffset,
  maxTimestamp,
  producerEpoch,
  producerId,
  recordCount,
  setLogAppendTime,
} from '../../../src/codec/record-batch.ts'
import { batchCompression } from '../../../src/embedded/cleaning/batch-compression.ts'
import { cleanLog, CleaningStopped } from '../../../src/embedded/cleaning/clean-log.ts'
import type { CleanedGroup, CleaningJob } from '../../../src/embedded/cleaning/cleaning-messages.ts'
import { OffsetMap } from '../../../src/embedded/cleaning/offset-map.ts'
import { type CleaningSegment, DamagedSegmentError } from '../../../src/embedded/cleaning/segment-batches.ts'
import { passingSegmentPath, segmentPath } from '../../../src/embedded/log/segment-name.ts'
import { decodeBatch, encodeBatch, type StoredRecord } from '../../support/record-spans.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

const START_MS = 1_700_000_000_000
const DELETE_RETENTION_MS = 1000

interface PlannedRecord {
  readonly key: string | null
  readonly value: string | null
}

/** A log on the disk, without anything that would publish to it. */
class LogOnDisk {
  readonly directory: string
  segments: CleaningSegment[] = []
  endOffset = 0
  firstDirtyOffset = 0

  constructor(directory: string) {
    this.directory = directory
  }

  /** One segment of these batches. */
  addSegment(
    batches: readonly (readonly PlannedRecord[])[],
    hasAppendTime = false,
    producer?: { readonly id: bigint; readonly epoch: number; readonly sequence: number },
  ): void {
    const base = this.endOffset
    const bytes = batches.map((records) => {
      const batch = encodeBatch(
        records.map(({ key, value }, place) => ({
          key: key === null ? null : Buffer.from(key),
          value: value === null ? null : Buffer.from(value),
          // Not in order.
          timestamp: START_MS + ((this.endOffset + place) % 7) * 100_000,
        })),
      )
      if (producer) {
        batch.writeBigInt64BE(producer.id, 43)
        batch.writeInt16BE(producer.epoch, 51)
        batch.writeInt32BE(producer.sequence, 53)
        batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
      }
      if (hasAppendTime) setLogAppendTime(batch, 0, START_MS + this.endOffset)
      assignOffsets(batch, 0, this.endOffset, 0)
      this.endOffset += records.length
      return batch
    })
    const file = segmentPath(this.directory, base)
    fs.writeFileSync(file, Buffer.concat(bytes))
    this.segments.push({ baseOffset: base, generation: 0, path: file, sizeBytes: fs.statSync(file).size })
  }

  /** All batches of all segments, each found to be whole. */
  batches(): Buffer[] {
    return this.segments.flatMap((segment) => {
      const bytes = fs.readFileSync(segment.path)
      assert.equal(bytes.length, segment.sizeBytes)
      const batches: Buffer[] = []
      for (let at = 0; at < bytes.length; at += batchSizeBytes(bytes, at)) {
        assert.equal(checkBatch(bytes, at, bytes.length), 'valid')
        batches.push(bytes.subarray(at, at + batchSizeBytes(bytes, at)))
      }
      return batches
    })
  }

  records(): StoredRecord[] {
    return this.batches().flatMap((batch) => decodeBatch(batch))
  }

  /** One round; `job` says what differs from an ordinary one over all segments. */
  clean(job: Partial<CleaningJob> = {}, mapBytes = 1024 * 1024, onIo: () => void = () => {}): void {
    const map = new OffsetMap({ secret: randomBytes(16), maxBytes: mapBytes, loadFactor: 1 })
    const tools = { map, compression: batchCompression, ioBufferBytes: 200, onIo }
    let first = 0
    for (const group of cleanLog({ ...this.#job(), ...job }, tools)) {
      this.#replace(first, group)
      first++
    }
  }

  #job(): CleaningJob {
    return {
      kind: 'clean',
      directory: this.directory,
      segments: this.segments,
      firstDirtyOffset: this.firstDirtyOffset,
      firstUncleanableOffset: this.endOffset,
      segmentBytesMax: 600,
      nowMs: START_MS,
      deleteRetentionMs: DELETE_RETENTION_MS,
      mayExpireTombstones: true,
      lastOffsetsOfProducers: new Map(),
      keepFreeBytes: 0,
    }
  }

  #replace(at: number, group: CleanedGroup): void {
    const { generation, segmentCount, sizeBytes, cleanUntil } = group
    const replaced = this.segments.slice(at, at + segmentCount)
    assert.equal(group.baseOffset, replaced[0]?.baseOffset)
    for (const segment of replaced) fs.unlinkSync(segment.path)
    const file = segmentPath(this.directory, group.baseOffset)
    fs.renameSync(passingSegmentPath(this.directory, group, 'cleaned'), file)
    const added = { baseOffset: group.baseOffset, generation, path: file, sizeBytes }
    this.segments = this.segments.toSpliced(at, segmentCount, added)
    if (cleanUntil !== undefined) this.firstDirtyOffset = cleanUntil
  }
}

/** What Kafka's rules leave of the records, said record by record. */
class Model {
  records: (StoredRecord & { horizon: number | undefined; readonly batch: number })[] = []

  take(log: LogOnDisk): void {
    const known = this.records.at(-1)?.offset ?? -1
    for (const bytes of log.batches()) {
      for (const record of decodeBatch(bytes)) {
        if (record.offset > known) this.records.push({ ...record, horizon: undefined, batch: baseOffset(bytes, 0) })
      }
    }
  }

  clean([fromOffset, untilOffset]: readonly [number, number], basesBefore: readonly number[], nowMs: number): void {
    // Segments behind the round's end stay as they are, and so do their tombstones.
    const rewrittenUntil = basesBefore.find((base) => base >= untilOffset) ?? Infinity
    const latest = new Map<string, number>()
    for (const { key, offset } of this.records) {
      if (key !== null && offset >= fromOffset && offset < untilOffset) latest.set(String(key), offset)
    }
    this.records = this.records.filter(({ key, value, offset, horizon }) => {
      if (offset >= untilOffset) return true
      if (key === null || (latest.get(String(key)) ?? -1) > offset) return false
      return value !== null || horizon === undefined || nowMs < horizon
    })
    for (const { offset, batch, value, horizon } of this.records) {
      if (value !== null || horizon !== undefined || offset >= rewrittenUntil) continue
      for (const record of this.records) if (record.batch === batch) record.horizon = nowMs + DELETE_RETENTION_MS
    }
  }
}

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

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { crc32c } from '../../../src/codec/crc32c.ts'
import {
  assignOffsets,
  baseOffset,
  batchSizeBytes,
  checkBatch,
  setLogAppendTime,
} from '../../../src/codec/record-batch.ts'
import { batchCompression } from '../../../src/embedded/cleaning/batch-compression.ts'
import { cleanLog } from '../../../src/embedded/cleaning/clean-log.ts'
import type { CleanedGroup, CleaningJob } from '../../../src/embedded/cleaning/cleaning-messages.ts'
import { OffsetMap } from '../../../src/embedded/cleaning/offset-map.ts'
import type { CleaningSegment } from '../../../src/embedded/cleaning/segment-batches.ts'
import { passingSegmentPath, segmentPath } from '../../../src/embedded/log/segment-name.ts'
import { decodeBatch, encodeBatch, type StoredRecord } from '../../support/record-spans.ts'

export const START_MS = 1_700_000_000_000
export const DELETE_RETENTION_MS = 1000

interface PlannedRecord {
  readonly key: string | null
  readonly value: string | null
}

/** A log on the disk, without anything that would publish to it. */
export class LogOnDisk {
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
export class Model {
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

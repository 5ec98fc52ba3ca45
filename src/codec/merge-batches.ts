import assert from 'node:assert/strict'
import { allocateBatch } from './batch-buffer.ts'
import { CorruptBatchError } from './corrupt-batch-error.ts'
import {
  BATCH_HEADER_BYTES,
  attributes,
  baseTimestamp,
  batchSizeBytes,
  hasProducerId,
  lastOffsetDelta,
  maxTimestamp,
  recordCount,
  writeBatchHeader,
} from './record-batch.ts'
import { VarintReader, varintSize, varlongSize, writeVarint, writeVarlong } from './varint.ts'

/**
 * True for a batch that mergeBatches takes: uncompressed, CreateTime, not transactional, no control batch, without
 * producer id, and no record missing.
 */
export function isMergeable(batch: Buffer): boolean {
  return (
    attributes(batch, 0) === 0 && !hasProducerId(batch, 0) && recordCount(batch, 0) === lastOffsetDelta(batch, 0) + 1
  )
}

/**
 * Joins valid, mergeable batches into one, byte for byte what RecordBatchWriter makes of their records in that order:
 * offset deltas go on densely, timestamp deltas count from the first record. It is at most the sum of their sizes plus
 * the few bytes by which deltas grow; the caller keeps it below the topic's limit.
 */
export function mergeBatches(batches: readonly Buffer[]): Buffer {
  const [first] = batches
  assert(first !== undefined, 'nothing to merge')
  const walk = new RecordWalk(first)
  const base = firstTimestamp(walk, first)
  const merged = allocateBatch(BATCH_HEADER_BYTES + mergedRecordsBytes(walk, batches, base))
  let at = BATCH_HEADER_BYTES
  let count = 0
  let newest = maxTimestamp(first, 0)
  for (const batch of batches) {
    at = writeRecords(merged, at, walk, batch, count, base)
    count += recordCount(batch, 0)
    newest = Math.max(newest, maxTimestamp(batch, 0))
  }
  assert(at === merged.length, 'the size pass and the write pass disagree')
  writeBatchHeader(merged, 0, at, { recordCount: count, baseTimestamp: base, maxTimestamp: newest })
  return merged
}

/** Not the header's base timestamp: another writer may have counted from elsewhere. */
function firstTimestamp(walk: RecordWalk, batch: Buffer): number {
  walk.enter(batch)
  assert(walk.next(), 'a batch without records cannot be merged')
  return walk.timestamp
}

function mergedRecordsBytes(walk: RecordWalk, batches: readonly Buffer[], base: number): number {
  let size = 0
  let count = 0
  for (const batch of batches) {
    assert(isMergeable(batch), 'this batch cannot be merged')
    for (walk.enter(batch); walk.next(); count++) {
      const bodyBytes = bodySize(walk, count, base)
      size += varintSize(bodyBytes) + bodyBytes
    }
  }
  return size
}

function writeRecords(
  merged: Buffer,
  at: number,
  walk: RecordWalk,
  batch: Buffer,
  firstOffsetDelta: number,
  base: number,
): number {
  let offsetDelta = firstOffsetDelta
  for (walk.enter(batch); walk.next(); offsetDelta++) {
    at = writeVarint(merged, at, bodySize(walk, offsetDelta, base))
    merged[at++] = walk.attributes
    at = writeVarlong(merged, at, walk.timestamp - base)
    at = writeVarint(merged, at, offsetDelta)
    batch.copy(merged, at, walk.contentStart, walk.contentEnd)
    at += walk.contentEnd - walk.contentStart
  }
  return at
}

function bodySize(walk: RecordWalk, offsetDelta: number, base: number): number {
  return 1 + varlongSize(walk.timestamp - base) + varintSize(offsetDelta) + walk.contentEnd - walk.contentStart
}

/** Steps over the records of one batch after the other, reading only what stands before their keys. */
class RecordWalk {
  attributes = 0
  timestamp = -1
  /** From the key's length to the last header. */
  contentStart = 0
  contentEnd = 0
  readonly #reader: VarintReader
  #baseTimestamp = -1
  #left = 0

  constructor(batch: Buffer) {
    this.#reader = new VarintReader(batch, 0, 0)
  }

  /** Goes to the start of a batch. */
  enter(batch: Buffer): void {
    const reader = this.#reader
    reader.bytes = batch
    reader.position = BATCH_HEADER_BYTES
    reader.end = batchSizeBytes(batch, 0)
    this.#baseTimestamp = baseTimestamp(batch, 0)
    this.#left = recordCount(batch, 0)
  }

  next(): boolean {
    const reader = this.#reader
    if (this.#left === 0) return false
    this.#left--
    const length = reader.readVarint()
    const bodyStart = reader.position
    this.contentEnd = bodyStart + length
    if (length < 1 || this.contentEnd > reader.end) throw new CorruptBatchError(`record length ${length}`, bodyStart)
    this.attributes = reader.bytes[bodyStart]!
    reader.position = bodyStart + 1
    this.timestamp = this.#baseTimestamp + reader.readVarlong()
    reader.readVarint()
    this.contentStart = reader.position
    if (this.contentStart > this.contentEnd) throw new CorruptBatchError('record is not as long as it says', bodyStart)
    reader.position = this.contentEnd
    return true
  }
}

import { DECOMPRESSED_BATCH_MAX_BYTES } from '../../broker/decompressed-batches.ts'
import { CorruptBatchError } from '../../codec/corrupt-batch-error.ts'
import { decompressRecords } from '../../codec/compressed-batch.ts'
import {
  baseOffset,
  compressionCodec,
  isControl,
  isLogAppendTime,
  lastOffset,
  maxTimestamp,
  recordCount,
} from '../../codec/record-batch.ts'
import { readDecompressedRecords, readRecords, type RecordSink } from '../../codec/record-reader.ts'
import type { TailBatch } from './partition-view.ts'

/*
 * The offset of a time, by the rule of Kafka's ListOffsets (LogSegment.findOffsetByTimestamp): the lowest offset whose
 * record's timestamp is at or above the one asked for. By offset, not by time: records behind it may be older.
 */

export interface FoundRecord {
  readonly offset: number
  readonly timestamp: number
}

/**
 * The first record of the sound batch at `at` from `fromOffset` on whose timestamp is at or above `timestamp`; later, where
 * the records have to be decompressed: the bytes must stay as they are until then. Compressed records that cannot be read
 * are none.
 */
export function findInBatch(
  bytes: Buffer,
  at: number,
  timestamp: number,
  fromOffset: number,
): FoundRecord | undefined | Promise<FoundRecord | undefined> {
  if (!mayHold(bytes, at, timestamp, fromOffset)) return undefined
  if (needsDecompression(bytes, at)) return findInCompressed(bytes, at, timestamp, fromOffset)
  return findInPlainBatch(bytes, at, timestamp, fromOffset)
}

/** As `findInBatch`, of a batch in memory, whose bytes may go as soon as this returns: what takes long has a copy of them. */
export function findInTailBatch(
  { bytes }: TailBatch,
  timestamp: number,
  fromOffset: number,
): FoundRecord | undefined | (() => Promise<FoundRecord | undefined>) {
  if (!needsDecompression(bytes, 0)) return findInPlainBatch(bytes, 0, timestamp, fromOffset)
  const copy = Buffer.from(bytes)
  return () => findInCompressed(copy, 0, timestamp, fromOffset)
}

/** The first batch in memory that may hold such a record, by what the batches' headers say. */
export function batchInTail(tail: readonly TailBatch[], timestamp: number, fromOffset: number): TailBatch | undefined {
  return tail.find(({ bytes }) => mayHold(bytes, 0, timestamp, fromOffset))
}

function mayHold(bytes: Buffer, at: number, timestamp: number, fromOffset: number): boolean {
  return maxTimestamp(bytes, at) >= timestamp && lastOffset(bytes, at) >= fromOffset && !isControl(bytes, at)
}

function needsDecompression(bytes: Buffer, at: number): boolean {
  return compressionCodec(bytes, at) !== 0 && !hasOneTime(bytes, at)
}

/** Every record has the batch's time, and there is one at every offset: compaction has taken none. */
function hasOneTime(bytes: Buffer, at: number): boolean {
  return isLogAppendTime(bytes, at) && recordCount(bytes, at) === lastOffset(bytes, at) - baseOffset(bytes, at) + 1
}

function findInPlainBatch(bytes: Buffer, at: number, timestamp: number, fromOffset: number): FoundRecord | undefined {
  if (hasOneTime(bytes, at)) {
    return { offset: Math.max(baseOffset(bytes, at), fromOffset), timestamp: maxTimestamp(bytes, at) }
  }
  const search = new TimeSearch(timestamp, fromOffset)
  readRecords(bytes, at, search)
  return search.found
}

async function findInCompressed(
  bytes: Buffer,
  at: number,
  timestamp: number,
  fromOffset: number,
): Promise<FoundRecord | undefined> {
  try {
    const records = await decompressRecords(bytes, at, DECOMPRESSED_BATCH_MAX_BYTES)
    const search = new TimeSearch(timestamp, fromOffset)
    readDecompressedRecords(bytes, at, records, search)
    return search.found
  } catch (error) {
    if (!(error instanceof CorruptBatchError)) throw error
    return undefined
  }
}

class TimeSearch implements RecordSink {
  found: FoundRecord | undefined
  readonly #timestamp: number
  readonly #fromOffset: number

  constructor(timestamp: number, fromOffset: number) {
    this.#timestamp = timestamp
    this.#fromOffset = fromOffset
  }

  record(offset: number, timestamp: number): boolean {
    if (offset < this.#fromOffset || timestamp < this.#timestamp) return true
    this.found = { offset, timestamp }
    return false
  }
}

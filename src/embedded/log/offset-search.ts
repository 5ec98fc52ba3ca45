import { baseOffset, isControl, isLogAppendTime, lastOffset, maxTimestamp } from '../../codec/record-batch.ts'
import { readRecords } from '../../codec/record-reader.ts'
import type { TailBatch } from './partition-view.ts'

/*
 * The offset of a time, by the rule of Kafka's ListOffsets (LogSegment.findOffsetByTimestamp): the lowest offset whose
 * record's timestamp is at or above the one asked for. By offset, not by time: records behind it may be older.
 */

export interface FoundRecord {
  readonly offset: number
  readonly timestamp: number
}

/** The first record of the sound batch at `at` from `fromOffset` on whose timestamp is at or above `timestamp`. */
export function findInBatch(bytes: Buffer, at: number, timestamp: number, fromOffset: number): FoundRecord | undefined {
  if (maxTimestamp(bytes, at) < timestamp || lastOffset(bytes, at) < fromOffset || isControl(bytes, at))
    return undefined
  // Every record of the batch has its time.
  if (isLogAppendTime(bytes, at)) {
    return { offset: Math.max(baseOffset(bytes, at), fromOffset), timestamp: maxTimestamp(bytes, at) }
  }
  let found: FoundRecord | undefined
  readRecords(bytes, at, {
    record(offset, recordTimestamp) {
      if (offset < fromOffset || recordTimestamp < timestamp) return true
      found = { offset, timestamp: recordTimestamp }
      return false
    },
  })
  return found
}

/** The same over the batches in memory. */
export function findInTail(tail: readonly TailBatch[], timestamp: number, fromOffset: number): FoundRecord | undefined {
  for (const batch of tail) {
    if (batch.maxTimestamp < timestamp || batch.lastOffset < fromOffset) continue
    const found = findInBatch(batch.bytes, 0, timestamp, fromOffset)
    if (found) return found
  }
  return undefined
}

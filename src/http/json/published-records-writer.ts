import type { RecordColumns } from '../../broker/record-columns.ts'
import * as json from './json-bytes.ts'
import { JsonText } from './json-writer.ts'

// An imported binding is read from memory at each use; these are constants to the compiler.
const { CLOSE_BRACE, CLOSE_BRACKET, MINUS, OPEN_BRACKET, ZERO } = json

const WORD_BYTES = 4
/** `,{"partition":2147483647,"offset":9007199254740991,"timestamp":9007199254740991}` and what a word writes too far. */
const RECORD_MAX_BYTES = 88
const BILLION = 1_000_000_000

const timestampName = new JsonText(',"timestamp":')

/** By partition: what stands in front of the offset. Made once; partitions beyond are few enough to make anew. */
const heads: JsonText[] = []
const KEPT_HEADS = 4096

/** A safe upper bound for what `writePublishedRecords` writes. */
export function publishedRecordsMaxBytes(count: number): number {
  return 2 * WORD_BYTES + count * RECORD_MAX_BYTES
}

/**
 * Writes the array `[{"partition":3,"offset":17,"timestamp":1700000000000},…]` of records that were all stored, and
 * returns its end. Text goes a word at a time; what a last word writes too far is overwritten.
 */
export function writePublishedRecords(buffer: Buffer, view: DataView, start: number, columns: RecordColumns): number {
  const { count, partition, offset, timestamp } = columns
  let at = start
  let tailAt = 0
  let tailBytes = 0
  let newest = Number.NaN
  for (let record = 0; record < count; record++) {
    const head = headOf(partition[record]!)
    const { words } = head
    for (let i = 0, to = at; i < words.length; i++, to += WORD_BYTES) view.setInt32(to, words[i]!, true)
    at = writeInteger(buffer, at + head.length, offset[record]!)
    const time = timestamp[record]!
    if (time === newest) {
      // Most often all records have one time: the end of the one before is the end of this one.
      for (let i = 0; i < tailBytes; i += WORD_BYTES) view.setInt32(at + i, view.getInt32(tailAt + i, true), true)
      at += tailBytes
    } else {
      newest = time
      tailAt = at
      at = writeTail(buffer, view, at, time)
      tailBytes = at - tailAt
    }
  }
  // In place of the comma in front of the first record.
  buffer[start] = OPEN_BRACKET
  buffer[at] = CLOSE_BRACKET
  return at + 1
}

function headOf(partition: number): JsonText {
  const head = heads[partition]
  if (head !== undefined) return head
  const made = new JsonText(`,{"partition":${partition},"offset":`)
  if (partition < KEPT_HEADS) heads[partition] = made
  return made
}

function writeTail(buffer: Buffer, view: DataView, start: number, time: number): number {
  const { words, length } = timestampName
  for (let i = 0, to = start; i < words.length; i++, to += WORD_BYTES) view.setInt32(to, words[i]!, true)
  const at = writeInteger(buffer, start + length, time)
  buffer[at] = CLOSE_BRACE
  return at + 1
}

/** An integer of −2^53 to 2^53. */
function writeInteger(buffer: Buffer, start: number, value: number): number {
  if (value >= 0 && value < BILLION) return writeDigits(buffer, start, value | 0)
  let at = start
  let magnitude = value
  if (value < 0) {
    buffer[at++] = MINUS
    magnitude = -value
  }
  const billions = Math.floor(magnitude / BILLION)
  if (billions === 0) return writeDigits(buffer, at, magnitude | 0)
  at = writeDigits(buffer, at, billions | 0)
  const end = at + 9
  // Padded: a leading one keeps the zeros in front, and is overwritten by what stands there already.
  const before = buffer[at - 1]!
  writeDigits(buffer, at - 1, BILLION + Math.round(magnitude - billions * BILLION))
  buffer[at - 1] = before
  return end
}

function writeDigits(buffer: Buffer, start: number, value: number): number {
  let end = start + 1
  for (let bound = 10; bound <= value; bound *= 10) end++
  let rest = value
  for (let at = end - 1; at >= start; at--) {
    const quotient = (rest / 10) | 0
    buffer[at] = ZERO + rest - quotient * 10
    rest = quotient
  }
  return end
}

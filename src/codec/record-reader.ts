import { CorruptBatchError } from './corrupt-batch-error.ts'
import {
  BATCH_HEADER_BYTES,
  baseOffset,
  baseTimestamp,
  batchSizeBytes,
  compressionCodec,
  isLogAppendTime,
  maxTimestamp,
  recordCount,
} from './record-batch.ts'
import { VarintReader } from './varint.ts'

/*
 * A record, all numbers zigzag varints but the attributes:
 *
 *   length │ attributes int8 │ timestampDelta varlong │ offsetDelta │ keyLength │ key │ valueLength │ value │
 *   headerCount │ per header: nameLength │ name │ valueLength │ value
 *
 * `length` counts the bytes behind itself. A length of −1 is null, for key, value and header value.
 */

/** Told of each record. Spans are positions in the batch's buffer; a start of −1 is null. */
export interface RecordSink {
  /** @returns false to stop */
  record(
    offset: number,
    timestamp: number,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    headersStart: number,
    headerCount: number,
  ): boolean
}

/** Told of each header of a record. */
export type HeaderSink = (nameStart: number, nameEnd: number, valueStart: number, valueEnd: number) => void

/**
 * Walks the records of the uncompressed batch at `at`, in order. Every length is checked before the record is handed
 * over: the body is exactly as long as it says, and nothing remains behind the last record; else CorruptBatchError.
 *
 * @returns false where the sink stopped
 */
export function readRecords(buf: Buffer, at: number, sink: RecordSink): boolean {
  if (compressionCodec(buf, at) !== 0) throw new CorruptBatchError('compressed batch cannot be read', at)
  const end = at + batchSizeBytes(buf, at)
  if (end > buf.length) throw new CorruptBatchError('batch cut off', buf.length)
  return walkRecords(buf, at, new VarintReader(buf, at + BATCH_HEADER_BYTES, end), sink)
}

/** The same for a compressed batch whose records were decompressed into `records`: spans are positions in there. */
export function readDecompressedRecords(buf: Buffer, at: number, records: Buffer, sink: RecordSink): boolean {
  return walkRecords(buf, at, new VarintReader(records, 0, records.length), sink)
}

/** @param reader over the records of the batch whose header is at `at` */
function walkRecords(buf: Buffer, at: number, reader: VarintReader, sink: RecordSink): boolean {
  const { end } = reader
  const firstOffset = baseOffset(buf, at)
  // With LogAppendTime every record has the batch's time, whatever its delta says.
  const appendTime = isLogAppendTime(buf, at) ? maxTimestamp(buf, at) : undefined
  const firstTimestamp = baseTimestamp(buf, at)

  for (let left = recordCount(buf, at); left > 0; left--) {
    const bodyEnd = readBodyEnd(reader, end)
    const timestampDelta = reader.readVarlong()
    const offset = firstOffset + reader.readVarint()
    const keyStart = readSpanStart(reader)
    const keyEnd = keyStart < 0 ? -1 : reader.position
    const valueStart = readSpanStart(reader)
    const valueEnd = valueStart < 0 ? -1 : reader.position
    const headerCount = reader.readVarint()
    const headersStart = reader.position
    if (headerCount !== 0) skipHeaders(reader, headerCount)
    if (reader.position !== bodyEnd) throw new CorruptBatchError('record is not as long as it says', reader.position)
    reader.end = end
    const timestamp = appendTime ?? firstTimestamp + timestampDelta
    if (!sink.record(offset, timestamp, keyStart, keyEnd, valueStart, valueEnd, headersStart, headerCount)) return false
  }
  if (reader.position !== end) throw new CorruptBatchError('bytes behind the last record', reader.position)
  return true
}

/** Hands over the headers that start at `headersStart`; returns the position behind them. */
export function readHeaders(buf: Buffer, headersStart: number, headerCount: number, sink: HeaderSink): number {
  const reader = new VarintReader(buf, headersStart, buf.length)
  for (let left = headerCount; left > 0; left--) {
    const nameStart = readNameStart(reader)
    const nameEnd = reader.position
    const valueStart = readSpanStart(reader)
    sink(nameStart, nameEnd, valueStart, valueStart < 0 ? -1 : reader.position)
  }
  return reader.position
}

/** Reads length and attributes, and keeps the reader within the record's body. */
function readBodyEnd(reader: VarintReader, end: number): number {
  const length = reader.readVarint()
  const bodyEnd = reader.position + length
  if (length < 1 || bodyEnd > end) throw new CorruptBatchError(`record length ${length}`, reader.position)
  reader.position++
  reader.end = bodyEnd
  return bodyEnd
}

/** Reads a length and moves behind what it counts; returns where that starts, −1 for null. */
function readSpanStart(reader: VarintReader): number {
  const length = reader.readVarint()
  if (length === -1) return -1
  const start = reader.position
  if (length < 0 || length > reader.end - start) throw new CorruptBatchError(`length ${length}`, start)
  reader.position = start + length
  return start
}

function readNameStart(reader: VarintReader): number {
  const start = readSpanStart(reader)
  if (start < 0) throw new CorruptBatchError('header without a name', reader.position)
  return start
}

function skipHeaders(reader: VarintReader, headerCount: number): void {
  if (headerCount < 0) throw new CorruptBatchError(`header count ${headerCount}`, reader.position)
  for (let left = headerCount; left > 0; left--) {
    readNameStart(reader)
    readSpanStart(reader)
  }
}

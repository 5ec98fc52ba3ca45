import assert from 'node:assert/strict'
import { allocateBatch, releaseBatch } from './batch-buffer.ts'
import { BATCH_HEADER_BYTES, writeBatchHeader } from './record-batch.ts'
import { varintSize, varlongSize, writeVarint, writeVarlong } from './varint.ts'

/** Where records lie in a buffer, as columns of spans; a start of −1 is null. Record i has headers from i to i + 1. */
export interface RecordSpans {
  readonly bytes: Buffer
  readonly timestamp: Float64Array
  readonly keyStart: Int32Array
  readonly keyEnd: Int32Array
  readonly valueStart: Int32Array
  readonly valueEnd: Int32Array
  readonly headerFrom: Int32Array
  readonly headerNameStart: Int32Array
  readonly headerNameEnd: Int32Array
  readonly headerValueStart: Int32Array
  readonly headerValueEnd: Int32Array
}

export interface SealedBatch {
  readonly bytes: Buffer
  readonly recordCount: number
  readonly maxTimestamp: number
}

/** Up to this length a loop over bytes is faster than a call of Buffer.copy. */
const COPY_BY_LOOP_BYTES = 36

/** Bytes of record i as the first of a batch: a batch that holds only it is this and BATCH_HEADER_BYTES long. */
export function firstRecordSize(spans: RecordSpans, i: number): number {
  return recordSize(recordContentSize(spans, i), 0, 0)
}

/** All bytes of a record, from what recordContentSize says and where it stands in its batch. */
export function recordSize(contentBytes: number, timestampDelta: number, offsetDelta: number): number {
  const bodyBytes = recordBodySize(contentBytes, timestampDelta, offsetDelta)
  return varintSize(bodyBytes) + bodyBytes
}

/** Bytes of key, value and headers of record i, their lengths included: the part that is the same wherever it stands. */
export function recordContentSize(spans: RecordSpans, i: number): number {
  const from = spans.headerFrom[i]!
  const to = spans.headerFrom[i + 1]!
  let size = varintSize(to - from)
  size += spanSize(spans.keyStart[i]!, spans.keyEnd[i]!) + spanSize(spans.valueStart[i]!, spans.valueEnd[i]!)
  for (let header = from; header < to; header++) {
    size += spanSize(spans.headerNameStart[header]!, spans.headerNameEnd[header]!)
    size += spanSize(spans.headerValueStart[header]!, spans.headerValueEnd[header]!)
  }
  return size
}

/**
 * Encodes records into one uncompressed CreateTime batch v2 without producer id, copying their bytes once. The base
 * timestamp is the first record's; deltas may be negative. It never grows beyond `maxBytes`, header included.
 *
 * ```
 * const writer = new RecordBatchWriter(sizeBytes)
 * writer.append(columns, 0)
 * const batch = writer.seal()
 * ```
 */
export class RecordBatchWriter {
  readonly #maxBytes: number
  #buf: Buffer
  #position = BATCH_HEADER_BYTES
  #recordCount = 0
  #baseTimestamp = -1
  #maxTimestamp = -1

  /** @param sizeBytes room to begin with; exact where the caller knows the size, then nothing is copied again */
  constructor(sizeBytes: number, maxBytes = 0x7fff_ffff) {
    this.#maxBytes = maxBytes
    this.#buf = allocateBatch(Math.max(sizeBytes, BATCH_HEADER_BYTES))
  }

  get recordCount(): number {
    return this.#recordCount
  }

  /** Of the batch if it were sealed now. */
  get sizeBytes(): number {
    return this.#position
  }

  /** What `append` of this record would add. */
  sizeOf(spans: RecordSpans, i: number): number {
    const timestampDelta = this.#recordCount === 0 ? 0 : spans.timestamp[i]! - this.#baseTimestamp
    return recordSize(recordContentSize(spans, i), timestampDelta, this.#recordCount)
  }

  /**
   * @param contentBytes its recordContentSize, where the caller has it already
   * @returns false where the record would make the batch larger than `maxBytes`; nothing was written then
   */
  append(spans: RecordSpans, i: number, contentBytes: number = recordContentSize(spans, i)): boolean {
    const timestamp = spans.timestamp[i]!
    const timestampDelta = this.#recordCount === 0 ? 0 : timestamp - this.#baseTimestamp
    const bodyBytes = recordBodySize(contentBytes, timestampDelta, this.#recordCount)
    const endsAt = this.#position + varintSize(bodyBytes) + bodyBytes
    if (endsAt > this.#maxBytes) return false
    if (endsAt > this.#buf.length) this.#grow(endsAt)
    if (this.#recordCount === 0) this.#baseTimestamp = timestamp
    if (this.#recordCount === 0 || timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    const bodyAt = writeVarint(this.#buf, this.#position, bodyBytes)
    this.#position = writeRecordBody(this.#buf, bodyAt, spans, i, timestampDelta, this.#recordCount)
    this.#recordCount++
    return true
  }

  /** The finished batch: base offset 0, leader epoch −1. The writer must not be used afterwards. */
  seal(): SealedBatch {
    assert(this.#recordCount > 0, 'a batch holds at least one record')
    const sizeBytes = this.#position
    const recordCount = this.#recordCount
    const maxTimestamp = this.#maxTimestamp
    writeBatchHeader(this.#buf, 0, sizeBytes, { recordCount, baseTimestamp: this.#baseTimestamp, maxTimestamp })
    const bytes = sizeBytes === this.#buf.length ? this.#buf : this.#buf.subarray(0, sizeBytes)
    return { bytes, recordCount, maxTimestamp }
  }

  #grow(neededBytes: number): void {
    const grown = allocateBatch(Math.max(neededBytes, Math.min(this.#buf.length * 2, this.#maxBytes)))
    this.#buf.copy(grown, BATCH_HEADER_BYTES, BATCH_HEADER_BYTES, this.#position)
    releaseBatch(this.#buf)
    this.#buf = grown
  }
}

/** What a record's length field counts: attributes, the two deltas, the content. */
export function recordBodySize(contentBytes: number, timestampDelta: number, offsetDelta: number): number {
  return 1 + varlongSize(timestampDelta) + varintSize(offsetDelta) + contentBytes
}

/** Writes record i behind its length, which is its recordBodySize; returns the position behind. */
export function writeRecordBody(
  buf: Buffer,
  start: number,
  spans: RecordSpans,
  i: number,
  timestampDelta: number,
  offsetDelta: number,
): number {
  const { bytes } = spans
  buf[start] = 0
  let at = writeVarlong(buf, start + 1, timestampDelta)
  at = writeVarint(buf, at, offsetDelta)
  at = writeSpan(buf, at, bytes, spans.keyStart[i]!, spans.keyEnd[i]!)
  at = writeSpan(buf, at, bytes, spans.valueStart[i]!, spans.valueEnd[i]!)
  return writeHeaders(buf, at, spans, i)
}

function spanSize(start: number, end: number): number {
  return start < 0 ? 1 : varintSize(end - start) + end - start
}

function writeHeaders(buf: Buffer, at: number, spans: RecordSpans, i: number): number {
  const from = spans.headerFrom[i]!
  const to = spans.headerFrom[i + 1]!
  at = writeVarint(buf, at, to - from)
  for (let header = from; header < to; header++) {
    at = writeSpan(buf, at, spans.bytes, spans.headerNameStart[header]!, spans.headerNameEnd[header]!)
    at = writeSpan(buf, at, spans.bytes, spans.headerValueStart[header]!, spans.headerValueEnd[header]!)
  }
  return at
}

/** Writes a length and the bytes it counts; returns the position behind. */
function writeSpan(buf: Buffer, at: number, source: Buffer, start: number, end: number): number {
  if (start < 0) {
    buf[at] = 1
    return at + 1
  }
  at = writeVarint(buf, at, end - start)
  if (end - start > COPY_BY_LOOP_BYTES) source.copy(buf, at, start, end)
  else for (let from = start, to = at; from < end; from++, to++) buf[to] = source[from]!
  return at + end - start
}

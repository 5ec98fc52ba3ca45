import { BATCH_HEADER_BYTES } from '../../codec/record-batch.ts'
import { varintSize, varlongSize, writeVarint, writeVarlong } from '../../codec/varint.ts'
import type { RecordCursor } from './record-cursor.ts'

export interface CleanedBatchSource {
  /** Where the batch begins from which the records are. */
  readonly at: number
  readonly baseTimestamp: number
  /** The timestamp that stands for those of all records; undefined = each has its own. */
  readonly appendTime: number | undefined
  /** What the deltas are to count from; undefined = the first record that is kept. */
  readonly horizon: number | undefined
}

export interface WrittenBatch {
  /** The source's header, then the records. */
  readonly bytes: Buffer
  readonly baseTimestamp: number
  readonly maxTimestamp: number
}

const FIRST_ROOM = 1024
/** Length and attributes, timestamp delta, offset delta at their longest. */
const DELTAS_BYTES_MAX = 5 + 1 + 10 + 5
/** Up to this length a loop over bytes is faster than a call of Buffer.copy. */
const COPY_BY_LOOP_BYTES = 36

/** The records of one batch that compaction keeps, as columns, and how they are written as a batch again. */
export class CleanedRecords {
  #timestampDelta = new Float64Array(FIRST_ROOM)
  #offsetDelta = new Int32Array(FIRST_ROOM)
  #contentStart = new Int32Array(FIRST_ROOM)
  #end = new Int32Array(FIRST_ROOM)
  #bytes = Buffer.alloc(0)
  #contentBytes = 0
  count = 0

  clear(): void {
    this.count = 0
    this.#contentBytes = 0
  }

  add(record: RecordCursor): void {
    const place = this.count++
    if (place === this.#end.length) this.#grow()
    this.#timestampDelta[place] = record.timestampDelta
    this.#offsetDelta[place] = record.offsetDelta
    this.#contentStart[place] = record.contentStart
    this.#end[place] = record.end
    this.#contentBytes += record.end - record.contentStart
  }

  /** At least one. The bytes hold until the next call; their header is still the source's. */
  write(source: Buffer, { at, baseTimestamp, appendTime, horizon }: CleanedBatchSource): WrittenBatch {
    const bytes = this.#room(BATCH_HEADER_BYTES + this.#contentBytes + this.count * DELTAS_BYTES_MAX)
    source.copy(bytes, 0, at, at + BATCH_HEADER_BYTES)
    const newBase = horizon ?? appendTime ?? baseTimestamp + this.#timestampDelta[0]!
    let position = BATCH_HEADER_BYTES
    let newest = -1
    for (let place = 0; place < this.count; place++) {
      const timestamp = appendTime ?? baseTimestamp + this.#timestampDelta[place]!
      if (timestamp > newest) newest = timestamp
      position = this.#writeRecord(bytes, position, source, place, timestamp - newBase)
    }
    return { bytes: bytes.subarray(0, position), baseTimestamp: newBase, maxTimestamp: newest }
  }

  #writeRecord(bytes: Buffer, start: number, source: Buffer, place: number, timestampDelta: number): number {
    const offsetDelta = this.#offsetDelta[place]!
    const from = this.#contentStart[place]!
    const to = this.#end[place]!
    let at = writeVarint(bytes, start, 1 + varlongSize(timestampDelta) + varintSize(offsetDelta) + to - from)
    bytes[at] = 0
    at = writeVarlong(bytes, at + 1, timestampDelta)
    at = writeVarint(bytes, at, offsetDelta)
    if (to - from > COPY_BY_LOOP_BYTES) source.copy(bytes, at, from, to)
    else for (let read = from, write = at; read < to; read++, write++) bytes[write] = source[read]!
    return at + to - from
  }

  #room(sizeBytes: number): Buffer {
    if (this.#bytes.length < sizeBytes) this.#bytes = Buffer.allocUnsafeSlow(sizeBytes * 2)
    return this.#bytes
  }

  #grow(): void {
    const room = this.#end.length * 2
    const timestampDelta = new Float64Array(room)
    timestampDelta.set(this.#timestampDelta)
    this.#timestampDelta = timestampDelta
    this.#offsetDelta = grownColumn(this.#offsetDelta, room)
    this.#contentStart = grownColumn(this.#contentStart, room)
    this.#end = grownColumn(this.#end, room)
  }
}

function grownColumn(column: Int32Array<ArrayBuffer>, room: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(room)
  grown.set(column)
  return grown
}

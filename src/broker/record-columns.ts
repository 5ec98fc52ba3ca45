/** Most requests have no headers: one empty column serves them all, until it grows. */
const noInts = new Int32Array(0)

/** What the columns take for each record, and for each header. */
const RECORD_BYTES = 40
const HEADER_BYTES = 16

/**
 * Records as columns: numbers that say where each part of each record lies in one buffer.
 *
 * The publish path fills one from a request body and encodes batches from it; the read path fills them from stored
 * batches and renders replies from them. No object is made per record, and no byte is copied in between.
 *
 * A start of −1 is null (for keys, values and header values); a span with start = end is empty.
 */
export class RecordColumns {
  /** What all spans point into. Unescaped and base64-decoded text is written back in place: it is never longer. */
  bytes: Buffer
  count = 0
  offset: Float64Array
  /** Unix milliseconds; −1 = none given. */
  timestamp: Float64Array
  /** −1 = not given: the partitioner decides. */
  partition: Int32Array
  keyStart: Int32Array
  keyEnd: Int32Array
  valueStart: Int32Array
  valueEnd: Int32Array
  /** Record i owns headers `headerFrom[i]` (inclusive) to `headerFrom[i + 1]` (exclusive). */
  headerFrom: Int32Array
  headerCount = 0
  headerNameStart: Int32Array
  headerNameEnd: Int32Array
  headerValueStart: Int32Array
  headerValueEnd: Int32Array

  constructor(bytes: Buffer, capacity = 16) {
    this.bytes = bytes
    this.offset = new Float64Array(capacity)
    this.timestamp = new Float64Array(capacity)
    this.partition = new Int32Array(capacity)
    this.keyStart = new Int32Array(capacity)
    this.keyEnd = new Int32Array(capacity)
    this.valueStart = new Int32Array(capacity)
    this.valueEnd = new Int32Array(capacity)
    this.headerFrom = new Int32Array(capacity + 1)
    this.headerNameStart = noInts
    this.headerNameEnd = noInts
    this.headerValueStart = noInts
    this.headerValueEnd = noInts
  }

  /** Memory of the columns that are filled. */
  get memoryBytes(): number {
    return this.count * RECORD_BYTES + this.headerCount * HEADER_BYTES
  }

  /** Empty again, over another buffer; the columns keep their size. */
  reset(bytes: Buffer): void {
    this.bytes = bytes
    this.count = 0
    this.headerCount = 0
    this.headerFrom[0] = 0
  }

  /** Adds a record with null key and value, no headers, no partition and no timestamp; returns its index. */
  addRecord(): number {
    const index = this.count
    if (index === this.offset.length) this.#growRecords()
    this.count = index + 1
    this.offset[index] = -1
    this.timestamp[index] = -1
    this.partition[index] = -1
    this.keyStart[index] = -1
    this.keyEnd[index] = -1
    this.valueStart[index] = -1
    this.valueEnd[index] = -1
    this.headerFrom[index + 1] = this.headerCount
    return index
  }

  /** Adds a header to the newest record. */
  addHeader(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    const index = this.headerCount
    if (index === this.headerNameStart.length) this.#growHeaders()
    this.headerCount = index + 1
    this.headerNameStart[index] = nameStart
    this.headerNameEnd[index] = nameEnd
    this.headerValueStart[index] = valueStart
    this.headerValueEnd[index] = valueEnd
    this.headerFrom[this.count] = this.headerCount
  }

  #growRecords(): void {
    const capacity = Math.max(16, this.offset.length * 2)
    this.offset = grownFloats(this.offset, capacity)
    this.timestamp = grownFloats(this.timestamp, capacity)
    this.partition = grownInts(this.partition, capacity)
    this.keyStart = grownInts(this.keyStart, capacity)
    this.keyEnd = grownInts(this.keyEnd, capacity)
    this.valueStart = grownInts(this.valueStart, capacity)
    this.valueEnd = grownInts(this.valueEnd, capacity)
    this.headerFrom = grownInts(this.headerFrom, capacity + 1)
  }

  #growHeaders(): void {
    const capacity = Math.max(16, this.headerNameStart.length * 2)
    this.headerNameStart = grownInts(this.headerNameStart, capacity)
    this.headerNameEnd = grownInts(this.headerNameEnd, capacity)
    this.headerValueStart = grownInts(this.headerValueStart, capacity)
    this.headerValueEnd = grownInts(this.headerValueEnd, capacity)
  }
}

function grownInts(from: Int32Array, capacity: number): Int32Array {
  const to = new Int32Array(capacity)
  to.set(from)
  return to
}

function grownFloats(from: Float64Array, capacity: number): Float64Array {
  const to = new Float64Array(capacity)
  to.set(from)
  return to
}

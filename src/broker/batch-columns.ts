import { BATCH_HEADER_BYTES } from '../codec/record-batch.ts'
import { readDecompressedRecords, readHeaders, readRecords, type RecordSink } from '../codec/record-reader.ts'
import { RecordColumns } from './record-columns.ts'

const noBytes = Buffer.alloc(0)

/** What a page may still take; counted down as records are taken. */
export interface PageAllowance {
  records: number
  /** Bytes of records, without compression; may be passed by the page's first record only. */
  bytes: number
  /** True until the page has a record. */
  empty: boolean
  /** Unix milliseconds: the record at or after it, and all behind it, are left. */
  readonly until: number
}

/** Why a batch was not taken to its end. */
export type FillEnd = 'all' | 'limit' | 'until'

/** Takes the records of one stored batch after the other into the same columns. Used within one turn of the event loop. */
export class BatchColumns implements RecordSink {
  readonly columns = new RecordColumns(noBytes, 1024)
  #partition = 0
  #fromOffset = 0
  #mark = 0
  #end: FillEnd = 'all'
  #allowance: PageAllowance = { records: 0, bytes: 0, empty: true, until: Infinity }
  readonly #header = (nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void =>
    this.columns.addHeader(nameStart, nameEnd, valueStart, valueEnd)

  /**
   * Replaces the columns by the records of the batch at `at` whose offset is `fromOffset` or above, as far as the
   * allowance goes. Throws CorruptBatchError; what came before the damage is then in the columns.
   *
   * @param records of a compressed batch, decompressed: the spans of the columns point into them
   */
  fill(
    batch: Buffer,
    at: number,
    partition: number,
    fromOffset: number,
    allowance: PageAllowance,
    records?: Buffer,
  ): FillEnd {
    this.columns.bytes = records ?? batch
    this.columns.count = 0
    this.columns.headerCount = 0
    this.#partition = partition
    this.#fromOffset = fromOffset
    this.#allowance = allowance
    this.#mark = records === undefined ? at + BATCH_HEADER_BYTES : 0
    this.#end = 'all'
    if (records === undefined) readRecords(batch, at, this)
    else readDecompressedRecords(batch, at, records, this)
    return this.#end
  }

  /** Drops the reference to the last batch, so that the columns keep no buffer alive. */
  release(): void {
    this.columns.bytes = noBytes
  }

  // oxlint-disable-next-line max-params -- a RecordSink is handed numbers: no object is made of a record
  record(
    offset: number,
    timestamp: number,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    headersStart: number,
    headerCount: number,
  ): boolean {
    // From one record's headers to the next one's: over the batch exactly the bytes of its records.
    const sizeBytes = headersStart - this.#mark
    this.#mark = headersStart
    if (offset < this.#fromOffset) return true
    if (!this.#take(timestamp, sizeBytes)) return false
    const { columns } = this
    const index = columns.addRecord()
    columns.offset[index] = offset
    columns.timestamp[index] = timestamp
    columns.partition[index] = this.#partition
    columns.keyStart[index] = keyStart
    columns.keyEnd[index] = keyEnd
    columns.valueStart[index] = valueStart
    columns.valueEnd[index] = valueEnd
    if (headerCount > 0) readHeaders(columns.bytes, headersStart, headerCount, this.#header)
    return true
  }

  #take(timestamp: number, sizeBytes: number): boolean {
    const allowance = this.#allowance
    if (timestamp >= allowance.until) {
      this.#end = 'until'
      return false
    }
    if (allowance.records === 0 || (allowance.bytes < sizeBytes && !allowance.empty)) {
      // The page is full: a smaller record of another partition does not slip in.
      allowance.bytes = 0
      this.#end = 'limit'
      return false
    }
    allowance.records -= 1
    allowance.bytes -= sizeBytes
    allowance.empty = false
    return true
  }
}

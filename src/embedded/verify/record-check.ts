import { DECOMPRESSED_BATCH_MAX_BYTES } from '../../broker/decompressed-batches.ts'
import { decompressRecordsSync } from '../../codec/compressed-batch.ts'
import { CorruptBatchError } from '../../codec/corrupt-batch-error.ts'
import { baseOffset, compressionCodec, isLogAppendTime, lastOffset, maxTimestamp } from '../../codec/record-batch.ts'
import { readDecompressedRecords, readRecords, type RecordSink } from '../../codec/record-reader.ts'

/** Walks over the records of sound batches: a CRC tells that bytes are those that were written, not that they parse. */
export class RecordCheck implements RecordSink {
  #nextOffset = 0
  #lastOffset = 0
  #newest = -Infinity
  #fault: string | undefined

  /** What is wrong with the batch's records; undefined = nothing. */
  faultOf(bytes: Buffer, at: number): string | undefined {
    this.#nextOffset = baseOffset(bytes, at)
    this.#lastOffset = lastOffset(bytes, at)
    this.#newest = -Infinity
    this.#fault = undefined
    try {
      if (compressionCodec(bytes, at) === 0) readRecords(bytes, at, this)
      else readDecompressedRecords(bytes, at, decompressRecordsSync(bytes, at, DECOMPRESSED_BATCH_MAX_BYTES), this)
    } catch (error) {
      if (!(error instanceof CorruptBatchError)) throw error
      return error.reason
    }
    if (this.#fault === undefined && !isLogAppendTime(bytes, at) && this.#newest > maxTimestamp(bytes, at)) {
      return `a record has the timestamp ${this.#newest}, later than the newest that the batch names`
    }
    return this.#fault
  }

  record(offset: number, timestamp: number): boolean {
    if (offset < this.#nextOffset || offset > this.#lastOffset) {
      this.#fault = `a record has offset ${offset} where ${this.#nextOffset} to ${this.#lastOffset} may follow`
      return false
    }
    this.#nextOffset = offset + 1
    if (timestamp > this.#newest) this.#newest = timestamp
    return true
  }
}

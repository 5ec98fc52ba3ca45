import { CorruptBatchError } from './corrupt-batch-error.ts'
import {
  BATCH_HEADER_BYTES,
  BATCH_OVERHEAD_BYTES,
  baseOffset,
  batchSizeBytes,
  checkBatch,
  compressionCodec,
  lastOffsetDelta,
  magic,
  maxTimestamp,
  recordCount,
  storedCrc,
} from './record-batch.ts'
import { crc32cOfSpan } from './crc32c.ts'
import { readRecords, type RecordSink } from './record-reader.ts'
import { VarintReader } from './varint.ts'

/** What a batch that somebody else encoded holds. */
export interface ScannedBatch {
  readonly position: number
  readonly sizeBytes: number
  readonly recordCount: number
  /** Unix milliseconds; −1 = none. */
  readonly oldestTimestamp: number
  readonly newestTimestamp: number
  /** The first record without a key; −1 = all have one. */
  readonly firstNullKey: number
  /** The most headers that one of its records has. */
  readonly mostHeaders: number
}

const CRC_FROM = 21

/**
 * Walks once over record batches that somebody else encoded, and takes nothing on trust: besides what `checkBatch`
 * judges, every record parses, offsets are dense from 0, the newest timestamp is the one the header names. Keeps scratch
 * between calls, which are synchronous.
 */
export class BatchScan implements RecordSink {
  #firstOffset = 0
  #records = 0
  #oldest = Infinity
  #newest = -Infinity
  #firstNullKey = -1
  #mostHeaders = 0
  #gapAt = -1

  /** Of the last batch, records that parsed: where it failed, the number of the faulty one. */
  get recordsRead(): number {
    return this.#records
  }

  /** From then on the accessors of record-batch.ts may be trusted at `at`. Returns the batch's size; throws CorruptBatchError. */
  checkFrame(buf: Buffer, at: number): number {
    if (checkBatch(buf, at, buf.length) !== 'valid') throw frameFault(buf, at)
    return batchSizeBytes(buf, at)
  }

  /** Reads the records of the uncompressed batch at `at`, whose frame was checked. Throws CorruptBatchError. */
  readBatch(buf: Buffer, at: number): ScannedBatch {
    const count = recordCount(buf, at)
    this.#records = 0
    if (count === 0) throw new CorruptBatchError('the batch has no records', at)
    if (lastOffsetDelta(buf, at) !== count - 1) {
      const reason = `lastOffsetDelta ${lastOffsetDelta(buf, at)} does not belong to ${count} records without gaps`
      throw new CorruptBatchError(reason, at)
    }
    this.#firstOffset = baseOffset(buf, at)
    this.#oldest = Infinity
    this.#newest = -Infinity
    this.#firstNullKey = -1
    this.#mostHeaders = 0
    this.#gapAt = -1
    readRecords(buf, at, this)
    this.#checkFacts(buf, at)
    return {
      position: at,
      sizeBytes: batchSizeBytes(buf, at),
      recordCount: count,
      oldestTimestamp: this.#oldest,
      newestTimestamp: this.#newest,
      firstNullKey: this.#firstNullKey,
      mostHeaders: this.#mostHeaders,
    }
  }

  // oxlint-disable-next-line max-params -- a RecordSink is handed numbers: no object is made of a record
  record(
    offset: number,
    timestamp: number,
    keyStart: number,
    _keyEnd: number,
    _valueStart: number,
    _valueEnd: number,
    _headersStart: number,
    headerCount: number,
  ): boolean {
    const index = this.#records++
    if (offset !== this.#firstOffset + index) {
      this.#gapAt = index
      return false
    }
    if (timestamp < this.#oldest) this.#oldest = timestamp
    if (timestamp > this.#newest) this.#newest = timestamp
    if (keyStart < 0 && this.#firstNullKey < 0) this.#firstNullKey = index
    if (headerCount > this.#mostHeaders) this.#mostHeaders = headerCount
    return true
  }

  #checkFacts(buf: Buffer, at: number): void {
    if (this.#gapAt >= 0) {
      const reason = `record ${this.#gapAt} has another offset delta than its place, ${this.#gapAt}`
      throw new CorruptBatchError(reason, recordPosition(buf, at, this.#gapAt))
    }
    if (this.#oldest < -1) throw new CorruptBatchError(`a record has the timestamp ${this.#oldest}`, at)
    if (this.#newest !== maxTimestamp(buf, at)) {
      const reason = `maxTimestamp ${maxTimestamp(buf, at)} is not the newest of the records, ${this.#newest}`
      throw new CorruptBatchError(reason, at)
    }
  }
}

/** Where record `index` of the batch at `at`, which parses up to there, begins. */
function recordPosition(buf: Buffer, at: number, index: number): number {
  return new RecordPositions(buf, at).of(index)
}

/** The same for several records of a batch, asked for in their order: it is walked once. */
export class RecordPositions {
  readonly #reader: VarintReader
  #index = 0

  constructor(buf: Buffer, at: number) {
    this.#reader = new VarintReader(buf, at + BATCH_HEADER_BYTES, at + batchSizeBytes(buf, at))
  }

  of(index: number): number {
    const reader = this.#reader
    for (; this.#index < index; this.#index++) {
      const length = reader.readVarint()
      reader.position += length
    }
    return reader.position
  }
}

/** Why `checkBatch` does not take the bytes at `at`. */
export function frameFault(buf: Buffer, at: number): CorruptBatchError {
  const left = buf.length - at
  if (left < BATCH_OVERHEAD_BYTES) return new CorruptBatchError(`${left} bytes are too few for a batch`, at)
  const sizeBytes = batchSizeBytes(buf, at)
  if (sizeBytes < BATCH_HEADER_BYTES) {
    const lengthField = sizeBytes - BATCH_OVERHEAD_BYTES
    return new CorruptBatchError(`batchLength ${lengthField} is less than a batch's header takes`, at)
  }
  if (left > BATCH_HEADER_BYTES && magic(buf, at) !== 2) {
    return new CorruptBatchError(`magic ${magic(buf, at)} is not 2, the one format that is taken`, at)
  }
  if (sizeBytes > left) return new CorruptBatchError(`the batch takes ${sizeBytes} bytes, of which ${left} came`, at)
  const crc = crc32cOfSpan(buf, at + CRC_FROM, at + sizeBytes)
  if (crc !== storedCrc(buf, at)) {
    return new CorruptBatchError(`CRC-32C ${hex(storedCrc(buf, at))} is not that of the bytes, ${hex(crc)}`, at)
  }
  if (compressionCodec(buf, at) > 4)
    return new CorruptBatchError(`codec ${compressionCodec(buf, at)} does not exist`, at)
  return new CorruptBatchError(
    'the numbers of the header disagree (offsets, record count, size) or do not fit 53 bits',
    at,
  )
}

function hex(crc: number): string {
  return `0x${crc.toString(16).padStart(8, '0')}`
}

import { CorruptBatchError } from '../../codec/corrupt-batch-error.ts'
import { BATCH_HEADER_BYTES, baseOffset, batchSizeBytes, recordCount } from '../../codec/record-batch.ts'
import { VarintReader } from '../../codec/varint.ts'

/**
 * Steps through the records of an uncompressed batch whose frame was checked, looking only at what compaction asks for.
 * A record that does not parse is a CorruptBatchError. Spans are positions in the batch's buffer.
 */
export class RecordCursor {
  readonly #reader = new VarintReader(new Uint8Array(0), 0, 0)
  #left = 0
  #end = 0
  #firstOffset = 0
  timestampDelta = 0
  offsetDelta = 0
  /** −1 = the key is null. */
  keyStart = -1
  keyEnd = -1
  hasValue = false
  /** Behind the two deltas: from here up to `end` a record is the same wherever it stands. */
  contentStart = 0
  end = 0

  open(buf: Buffer, at: number): void {
    this.#firstOffset = baseOffset(buf, at)
    this.#left = recordCount(buf, at)
    this.#end = at + batchSizeBytes(buf, at)
    this.#reader.bytes = buf
    this.#reader.position = at + BATCH_HEADER_BYTES
    this.#reader.end = this.#end
  }

  get offset(): number {
    return this.#firstOffset + this.offsetDelta
  }

  /** False behind the last record. */
  next(): boolean {
    const reader = this.#reader
    if (this.#left === 0) {
      if (reader.position !== this.#end) throw new CorruptBatchError('bytes behind the last record', reader.position)
      return false
    }
    this.#left--
    const length = reader.readVarint()
    const end = reader.position + length
    if (length < 1 || end > this.#end) throw new CorruptBatchError(`record length ${length}`, reader.position)
    reader.position++
    this.timestampDelta = reader.readVarlong()
    this.offsetDelta = reader.readVarint()
    this.contentStart = reader.position
    const keyLength = reader.readVarint()
    this.keyStart = keyLength < 0 ? -1 : reader.position
    if (keyLength > 0) reader.position += keyLength
    this.keyEnd = keyLength < 0 ? -1 : reader.position
    if (keyLength < -1 || reader.position >= end)
      throw new CorruptBatchError(`key length ${keyLength}`, reader.position)
    this.hasValue = reader.readVarint() >= 0
    this.end = end
    reader.position = end
    return true
  }
}

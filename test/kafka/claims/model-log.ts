import {
  assignOffsets,
  attributes,
  baseOffset,
  batchSizeBytes,
  lastOffset,
  producerId,
  recordCount,
  setTransaction,
} from '../../../src/codec/record-batch.ts'
import { readRecords } from '../../../src/codec/record-reader.ts'
import { encodeBatch } from '../../support/record-spans.ts'

const ATTRIBUTES = 21
const CONTROL_BIT = 0x20

interface ModelBatch {
  readonly bytes: Buffer
  isCommitted: boolean
}

/** A partition's log of batches that belong to transactions, and of their markers. */
export class ModelLog {
  end = 0
  start = 0
  readonly batches: ModelBatch[] = []
  /** Of transactions that have not ended, by their producer id. */
  readonly #open = new Map<bigint, ModelBatch[]>()

  append(bytes: Buffer): number {
    const copy = Buffer.from(bytes)
    const offset = this.end
    const batch = { bytes: copy, isCommitted: false }
    assignOffsets(copy, 0, offset, 0)
    this.end += recordCount(copy, 0)
    this.batches.push(batch)
    const id = producerId(copy, 0)
    this.#open.set(id, [...(this.#open.get(id) ?? []), batch])
    return offset
  }

  mark(id: bigint, epoch: number, isCommit: boolean): void {
    for (const batch of this.#open.get(id) ?? []) batch.isCommitted = isCommit
    this.#open.delete(id)
    const bytes = encodeBatch([{ key: Buffer.from([0, 0, 0, isCommit ? 1 : 0]), value: Buffer.alloc(6), timestamp: 0 }])
    bytes.writeInt16BE(attributes(bytes, 0) | CONTROL_BIT, ATTRIBUTES)
    setTransaction(bytes, 0, { id, epoch, sequence: -1 })
    assignOffsets(bytes, 0, this.end, 0)
    this.end++
    this.batches.push({ bytes, isCommitted: false })
  }

  /** Whole batches from the one with that offset on. */
  from(offset: number, maxBytes: number): Buffer | undefined {
    if (offset < this.start || offset > this.end) return undefined
    const found: Buffer[] = []
    let left = maxBytes
    for (const { bytes } of this.batches) {
      if (lastOffset(bytes, 0) < Math.max(offset, this.start) || (found.length > 0 && left <= 0)) continue
      found.push(bytes)
      left -= batchSizeBytes(bytes, 0)
    }
    return Buffer.concat(found)
  }

  /** What readers of committed records get. */
  get values(): readonly string[] {
    const values: string[] = []
    for (const batch of this.batches) {
      if (!batch.isCommitted) continue
      readRecords(batch.bytes, 0, {
        record: (_offset, _timestamp, _keyStart, _keyEnd, valueStart, valueEnd) => {
          values.push(batch.bytes.toString('utf8', valueStart, valueEnd))
          return true
        },
      })
    }
    return values
  }

  /** Up to the first transaction that has not ended. */
  get stableEnd(): number {
    const first = [...this.#open.values()].map(([batch]) =>
      batch === undefined ? this.end : baseOffset(batch.bytes, 0),
    )
    return Math.min(this.end, ...first)
  }
}

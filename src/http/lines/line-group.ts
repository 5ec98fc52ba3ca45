import type { RecordColumns } from '../../broker/record-columns.ts'
import type { BodyBuffers } from '../body-buffers.ts'
import type { ColumnsPool } from '../columns-pool.ts'
import type { LinesToRead } from '../json/line-records-reader.ts'

/** So many records are published together at most, and so many bytes of lines. */
export const GROUP_MAX_RECORDS = 1000
export const GROUP_MAX_BYTES = 1024 * 1024
/** Less is not taken at once. */
const BUFFER_MIN_BYTES = 64 * 1024

const noBytes = Buffer.alloc(0)

export interface LineMemory {
  readonly buffers: BodyBuffers
  readonly columns: ColumnsPool
}

/** Lines of a stream that are published together, and what was read of them. The buffer behind them grows with them. */
export class LineGroup implements LinesToRead {
  readonly #memory: LineMemory
  readonly columns: RecordColumns
  readonly lineOf = new Int32Array(GROUP_MAX_RECORDS)
  readonly firstLine: number
  position = 0
  lineCount = 0
  /** Bytes that came, of which those from `position` on are not read yet. */
  filled = 0

  constructor(firstLine: number, memory: LineMemory) {
    this.firstLine = firstLine
    this.#memory = memory
    this.columns = memory.columns.take(noBytes)
  }

  get capacity(): number {
    return this.columns.bytes.length
  }

  get isFull(): boolean {
    return this.columns.count === GROUP_MAX_RECORDS || (this.columns.count > 0 && this.position >= GROUP_MAX_BYTES)
  }

  /** What `grow` would make the capacity, for so many bytes more. */
  capacityFor(bytes: number): number {
    const needed = this.filled + bytes
    if (needed <= this.capacity) return this.capacity
    return Math.max(BUFFER_MIN_BYTES, 2 ** Math.ceil(Math.log2(needed)))
  }

  grow(capacity: number): void {
    if (capacity <= this.capacity) return
    const old = this.columns.bytes
    const bytes = this.#memory.buffers.take(capacity)
    old.copy(bytes, 0, 0, this.filled)
    this.columns.bytes = bytes
    this.#memory.buffers.giveBack(old)
  }

  /** Lines without a record need not be kept. */
  forgetBlanks(): void {
    if (this.columns.count > 0 || this.position === 0) return
    this.columns.bytes.copyWithin(0, this.position, this.filled)
    this.filled -= this.position
    this.position = 0
  }

  /** There has to be room. */
  append(piece: Buffer): void {
    piece.copy(this.columns.bytes, this.filled)
    this.filled += piece.length
  }

  /** What is not read yet, which belongs to the next group. */
  rest(): Buffer {
    return this.columns.bytes.subarray(this.position, this.filled)
  }

  /** Only the first so many records are left. */
  keep(records: number): void {
    const { columns } = this
    columns.headerCount = columns.headerFrom[records]!
    columns.count = records
  }

  /** The number of a record's line. */
  lineOfRecord(record: number): number {
    return this.firstLine + this.lineOf[record]!
  }

  /** Nothing refers to the group any more. */
  release(): void {
    const { columns } = this
    this.#memory.buffers.giveBack(columns.bytes)
    this.#memory.columns.giveBack(columns)
  }
}

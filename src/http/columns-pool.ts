import { RecordColumns } from '../broker/record-columns.ts'

/** Columns of larger requests are left to the garbage collector. */
const POOLED_RECORDS_MAX = 16_384
const IDLE_MAX = 32

/**
 * Columns of publish requests, used again: a request of a thousand records has some 80 KiB of them, which would be
 * allocated, zeroed and collected for each.
 *
 * One owner at a time: from `take` on its request, from `giveBack` on nobody. What is never given back is collected.
 */
export class ColumnsPool {
  readonly #idle: RecordColumns[] = []

  /** Empty columns over the body. */
  take(body: Buffer): RecordColumns {
    const columns = this.#idle.pop() ?? new RecordColumns(body)
    columns.reset(body)
    return columns
  }

  /** Nothing refers to the columns any more. */
  giveBack(columns: RecordColumns): void {
    if (this.#idle.length >= IDLE_MAX || columns.offset.length > POOLED_RECORDS_MAX) return
    columns.reset(noBytes)
    this.#idle.push(columns)
  }
}

const noBytes = Buffer.alloc(0)

import { type IndexRequest, ROW_FIELDS } from './index-messages.ts'
import type { IndexEntry, SegmentKey } from './segment-index.ts'

const ROWS_MAX = 200_000
const ROWS_PER_REQUEST_MAX = 4096

/**
 * What waits for the index' worker, in order. Entries in a row become one request, which is sent once it is full or
 * sealed. Bounded: entries beyond it are dropped, and a walk will find their batches.
 */
export class IndexQueue {
  readonly #requests: IndexRequest[] = []
  #segments: SegmentKey[] = []
  #rows: number[] = []
  #waitingRows = 0
  #dropped = 0

  get isEmpty(): boolean {
    return this.#requests.length === 0 && this.#rows.length === 0
  }

  /** Something can be sent. */
  get hasSealed(): boolean {
    return this.#requests.length > 0
  }

  /** Entries that found no room so far. */
  get dropped(): number {
    return this.#dropped
  }

  add(segment: SegmentKey, entry: IndexEntry): void {
    if (this.#waitingRows >= ROWS_MAX) {
      this.#dropped++
      return
    }
    const last = this.#segments.at(-1)
    if (last === undefined || !isSame(last, segment)) this.#segments.push(segment)
    const timestamp = entry.maxTimestampBefore ?? Number.NaN
    this.#rows.push(this.#segments.length - 1, entry.baseOffset, entry.position, timestamp)
    this.#waitingRows++
    if (this.#rows.length >= ROWS_PER_REQUEST_MAX * ROW_FIELDS) this.seal()
  }

  push(request: IndexRequest): void {
    this.seal()
    this.#requests.push(request)
  }

  /** The oldest of what can be sent. */
  shift(): IndexRequest | undefined {
    const request = this.#requests.shift()
    if (request?.kind === 'write') this.#waitingRows -= request.rows.length / ROW_FIELDS
    return request
  }

  clear(): void {
    this.#requests.length = 0
    this.#segments = []
    this.#rows = []
    this.#waitingRows = 0
  }

  /** The entries added so far wait for no others. */
  seal(): void {
    if (this.#rows.length === 0) return
    this.#requests.push({ kind: 'write', segments: this.#segments, rows: Float64Array.from(this.#rows) })
    this.#segments = []
    this.#rows = []
  }
}

function isSame(one: SegmentKey, other: SegmentKey): boolean {
  return (
    one === other ||
    (one.segmentBaseOffset === other.segmentBaseOffset &&
      one.partition === other.partition &&
      one.generation === other.generation &&
      one.topicId === other.topicId)
  )
}

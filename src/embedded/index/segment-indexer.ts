import type { IndexEntry } from './segment-index.ts'

export interface SegmentIndexerOptions {
  /** `index.interval.bytes`: an entry is due for the first batch that begins more than this behind the last one. */
  readonly intervalBytes: number
  /** Where the next batch will begin; 0 in a new segment. */
  readonly position?: number
  /** Largest timestamp before that position; −1 = none, undefined = not known. */
  readonly maxTimestamp?: number | undefined
}

/**
 * Decides which batches of one segment get an index entry, as Kafka's LogSegment.append does. Told of every batch in
 * order of position; a batch that does not begin where the last one ended (behind a hole) always gets one.
 */
export class SegmentIndexer {
  readonly #intervalBytes: number
  #nextPosition: number
  #maxTimestamp: number | undefined
  #bytesSinceEntry = 0

  constructor(options: SegmentIndexerOptions) {
    this.#intervalBytes = options.intervalBytes
    this.#nextPosition = options.position ?? 0
    this.#maxTimestamp = 'maxTimestamp' in options ? options.maxTimestamp : -1
  }

  /** Of the batches so far. */
  get maxTimestamp(): number | undefined {
    return this.#maxTimestamp
  }

  /** @returns the entry that this batch begins, if one is due */
  next(baseOffset: number, position: number, sizeBytes: number, maxTimestamp: number): IndexEntry | undefined {
    const due = this.#bytesSinceEntry > this.#intervalBytes || position !== this.#nextPosition
    const entry = due ? { baseOffset, position, maxTimestampBefore: this.#maxTimestamp } : undefined
    this.#bytesSinceEntry = due ? sizeBytes : this.#bytesSinceEntry + sizeBytes
    this.#nextPosition = position + sizeBytes
    if (this.#maxTimestamp !== undefined && maxTimestamp > this.#maxTimestamp) this.#maxTimestamp = maxTimestamp
    return entry
  }
}

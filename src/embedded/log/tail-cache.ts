import type { PartitionLog } from './partition-log.ts'

/** What a batch costs beside its bytes: its objects, and the rest of the memory that its buffer is cut from. */
const BATCH_OVERHEAD_BYTES = 512
/** Evicting in larger steps keeps the cost of cutting a tail small. */
const SLACK = 1 / 8

/**
 * Bounds the memory of all tails of a directory: the oldest batches go first, whichever partition they are of; never
 * one that is not in its segment's file yet.
 */
export class TailCache {
  readonly #limitBytes: number
  /** One entry for each batch in a tail, oldest first; what is before `#head` is gone. */
  #entries: { readonly log: PartitionLog; readonly bytes: number }[] = []
  #head = 0
  #bytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** A batch was put at the end of the partition's tail. */
  added(log: PartitionLog, batchBytes: number): void {
    const bytes = batchBytes + BATCH_OVERHEAD_BYTES
    this.#entries.push({ log, bytes })
    this.#bytes += bytes
  }

  evict(): void {
    if (this.#bytes <= this.#limitBytes * (1 + SLACK)) return
    const counts = new Map<PartitionLog, number>()
    for (; this.#bytes > this.#limitBytes && this.#head < this.#entries.length; this.#head++) {
      const entry = this.#entries[this.#head]
      if (!entry) break
      const count = counts.get(entry.log) ?? 0
      if (!entry.log.dropped) {
        if (count === entry.log.laidCount) break
        counts.set(entry.log, count + 1)
      }
      this.#bytes -= entry.bytes
    }
    for (const [log, count] of counts) log.forgetOldest(count)
    if (this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
  }
}

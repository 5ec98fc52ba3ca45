import type { PartitionLog } from './partition-log.ts'

/** What a batch costs beside its bytes: its objects, and the rest of the memory that its buffer is cut from. */
const BATCH_OVERHEAD_BYTES = 512
/** Evicting in larger steps keeps the cost of cutting a tail small. */
const SLACK = 1 / 8

interface TailEntry {
  readonly log: PartitionLog
  readonly batches: number
  readonly bytes: number
}

/**
 * Bounds the memory of all tails of a directory: the oldest batches go first, whichever partition they are of; never
 * one that is not in its segment's file yet.
 */
export class TailCache {
  readonly #limitBytes: number
  /** One entry for the batches of a partition in a round, oldest first; what is before `#head` is gone. */
  #entries: TailEntry[] = []
  #head = 0
  #bytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** So many batches, with so many bytes in all, were put at the end of the partition's tail. */
  added(log: PartitionLog, batches: number, batchBytes: number): void {
    const bytes = batchBytes + batches * BATCH_OVERHEAD_BYTES
    this.#entries.push({ log, batches, bytes })
    this.#bytes += bytes
  }

  evict(): void {
    if (this.#bytes <= this.#limitBytes * (1 + SLACK)) return
    const counts = new Map<PartitionLog, number>()
    for (; this.#bytes > this.#limitBytes && this.#head < this.#entries.length; this.#head++) {
      const entry = this.#entries[this.#head]
      if (!entry) break
      const count = (counts.get(entry.log) ?? 0) + entry.batches
      if (!entry.log.dropped) {
        if (count > entry.log.laidCount) break
        counts.set(entry.log, count)
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

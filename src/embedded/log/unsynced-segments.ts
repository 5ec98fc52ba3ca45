import type { PartitionLog } from './partition-log.ts'
import type { Segment } from './segment.ts'

export interface UnsyncedSegment {
  readonly segment: Segment
  readonly log: PartitionLog
  /** Written since it was last taken. */
  bytes: number
}

/** Segments whose files hold bytes that no sync was begun for. */
export class UnsyncedSegments {
  readonly #entries = new Map<Segment, UnsyncedSegment>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  add(segment: Segment, log: PartitionLog, bytes: number): void {
    const known = this.#entries.get(segment)
    if (known) known.bytes += bytes
    else this.#entries.set(segment, { segment, log, bytes })
    this.#bytes += bytes
  }

  /** Whoever takes a segment syncs it. */
  takeLargest(): UnsyncedSegment | undefined {
    let largest: UnsyncedSegment | undefined
    for (const entry of this.#entries.values()) if (!largest || entry.bytes > largest.bytes) largest = entry
    if (largest) this.delete(largest.segment)
    return largest
  }

  takeAll(): readonly UnsyncedSegment[] {
    const all = [...this.#entries.values()]
    this.#entries.clear()
    this.#bytes = 0
    return all
  }

  delete(segment: Segment): void {
    this.#bytes -= this.#entries.get(segment)?.bytes ?? 0
    this.#entries.delete(segment)
  }
}

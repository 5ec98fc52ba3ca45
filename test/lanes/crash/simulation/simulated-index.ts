import type { IndexedSegment } from '../../../../src/embedded/index/index-messages.ts'
import type { IndexEntry, OffsetEntry, SegmentKey, TimeEntry } from '../../../../src/embedded/index/segment-index.ts'
import type { LogIndex } from '../../../../src/embedded/storage-drivers.ts'
import { MemorySegmentIndex } from '../../../support/memory-segment-index.ts'

type Change = (index: MemorySegmentIndex) => void

/** Older changes are surely on the disk. */
const UNSYNCED_MAX = 200

/**
 * An index whose changes are never synced: a crash leaves those up to some point. Entries may come back then of bytes
 * that recovery has cut, or of segments that were replaced since.
 */
export class SimulatedIndex implements LogIndex {
  readonly #synced: MemorySegmentIndex
  readonly #present: MemorySegmentIndex
  readonly #unsynced: Change[] = []

  constructor(content: MemorySegmentIndex = new MemorySegmentIndex()) {
    this.#synced = content
    this.#present = copyOf(content)
  }

  /** What a crash leaves. */
  survivor(random: () => number): SimulatedIndex {
    const left = this.#unsynced.slice(0, Math.floor(random() * (this.#unsynced.length + 1)))
    for (const change of left) change(this.#synced)
    return new SimulatedIndex(this.#synced)
  }

  floorOffset(segment: SegmentKey, offset: number): OffsetEntry | undefined {
    return this.#present.floorOffset(segment, offset)
  }

  entryAfter(segment: SegmentKey, offset: number): OffsetEntry | undefined {
    return this.#present.entryAfter(segment, offset)
  }

  floorTime(segment: SegmentKey, timestamp: number): TimeEntry | undefined {
    return this.#present.floorTime(segment, timestamp)
  }

  add(segment: SegmentKey, entry: IndexEntry): void {
    this.#change((index) => index.add(segment, entry))
  }

  dropSegment(segment: SegmentKey): void {
    this.#change((index) => index.dropSegment(segment))
  }

  dropTopic(topicId: string): void {
    this.#change((index) => index.dropTopic(topicId))
  }

  /** Readers walk through what is not indexed. */
  rebuildFrom(): void {}

  fillIn(_segment: IndexedSegment): void {}

  async close(): Promise<void> {}

  #change(change: Change): void {
    change(this.#present)
    this.#unsynced.push(change)
    if (this.#unsynced.length > UNSYNCED_MAX) this.#unsynced.shift()?.(this.#synced)
  }
}

function copyOf(index: MemorySegmentIndex): MemorySegmentIndex {
  const copy = new MemorySegmentIndex()
  for (const [name, entries] of index.entries) copy.entries.set(name, [...entries])
  return copy
}

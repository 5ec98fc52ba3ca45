import type { IndexedSegment } from '../../src/embedded/index/index-messages.ts'
import type {
  IndexEntry,
  OffsetEntry,
  SegmentIndex,
  SegmentKey,
  TimeEntry,
} from '../../src/embedded/index/segment-index.ts'

/** An index in arrays, for tests of its readers. Tells which segments were dropped. */
export class MemorySegmentIndex implements SegmentIndex {
  readonly entries = new Map<string, IndexEntry[]>()
  readonly dropped: SegmentKey[] = []
  readonly filledIn: IndexedSegment[] = []

  floorOffset(segment: SegmentKey, offset: number): OffsetEntry | undefined {
    return this.#of(segment).findLast((entry) => entry.baseOffset <= offset)
  }

  entryAfter(segment: SegmentKey, offset: number): OffsetEntry | undefined {
    return this.#of(segment).find((entry) => entry.baseOffset > offset)
  }

  floorTime(segment: SegmentKey, timestamp: number): TimeEntry | undefined {
    const entry = this.#of(segment).findLast((known) => (known.maxTimestampBefore ?? timestamp) < timestamp)
    return entry && { ...entry, maxTimestampBefore: entry.maxTimestampBefore ?? -1 }
  }

  fillIn(segment: IndexedSegment): void {
    this.filledIn.push(segment)
  }

  add(segment: SegmentKey, entry: IndexEntry): void {
    const entries = this.#of(segment).filter((known) => known.baseOffset !== entry.baseOffset)
    this.entries.set(
      nameOf(segment),
      [...entries, entry].sort((one, other) => one.baseOffset - other.baseOffset),
    )
  }

  dropSegment(segment: SegmentKey): void {
    this.dropped.push(segment)
    this.entries.delete(nameOf(segment))
  }

  dropTopic(topicId: string): void {
    for (const name of this.entries.keys()) if (name.startsWith(`${topicId}/`)) this.entries.delete(name)
  }

  async close(): Promise<void> {}

  #of(segment: SegmentKey): IndexEntry[] {
    return this.entries.get(nameOf(segment)) ?? []
  }
}

function nameOf(segment: SegmentKey): string {
  return `${segment.topicId}/${segment.partition}/${segment.segmentBaseOffset}/${segment.generation}`
}

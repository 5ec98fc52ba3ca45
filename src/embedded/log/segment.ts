import type { SegmentView } from './partition-view.ts'
import { segmentPath } from './segment-name.ts'

export interface SegmentFacts {
  readonly baseOffset: number
  /** Bytes of committed batches, whether they are in the file yet or not. */
  readonly sizeBytes: number
  /** Largest timestamp of its records; −1 = none. */
  readonly maxTimestamp: number
  /** Largest timestamp of its first batch, which rolling by time counts from; −1 = none. */
  readonly firstTimestamp: number
  /** Wall time, Unix milliseconds. */
  readonly createdMs: number
  /** Counts how often compaction replaced it; 0 = never. */
  readonly generation: number
}

/** One segment of a partition: facts about durable batches only, changed when a round commits. */
export class Segment implements SegmentView {
  readonly baseOffset: number
  readonly generation: number
  readonly createdMs: number
  /** Share of `segment.jitter.ms` that this segment rolls earlier by, 0 ≤ share < 1. */
  readonly jitter: number
  /** Changes while a replaced segment's file comes to its final name. */
  path: string
  fileBytes: number
  sizeBytes: number
  maxTimestamp: number
  firstTimestamp: number

  constructor(partitionDirectory: string, facts: SegmentFacts, jitter: number) {
    this.baseOffset = facts.baseOffset
    this.generation = facts.generation
    this.path = segmentPath(partitionDirectory, facts.baseOffset)
    this.createdMs = facts.createdMs
    this.jitter = jitter
    this.sizeBytes = facts.sizeBytes
    this.fileBytes = facts.sizeBytes
    this.maxTimestamp = facts.maxTimestamp
    this.firstTimestamp = facts.firstTimestamp
  }

  /** One more batch was committed at the end. */
  extend(batchBytes: number, maxTimestamp: number): void {
    if (this.sizeBytes === 0) this.firstTimestamp = maxTimestamp
    this.sizeBytes += batchBytes
    this.maxTimestamp = Math.max(this.maxTimestamp, maxTimestamp)
  }
}

export function emptySegmentFacts(baseOffset: number, createdMs: number): SegmentFacts {
  return { baseOffset, sizeBytes: 0, maxTimestamp: -1, firstTimestamp: -1, createdMs, generation: 0 }
}

import type { LaidBatch } from '../log/directory-log-options.ts'
import type { SegmentKey } from './segment-index.ts'
import type { LogIndex } from '../storage-drivers.ts'
import { SegmentIndexer } from './segment-indexer.ts'

export interface LogIndexerOptions {
  readonly index: Pick<LogIndex, 'add' | 'dropSegment' | 'dropTopic' | 'fillIn'>
  /** The topic's `index.interval.bytes`. */
  readonly intervalBytesOf: (topicId: string) => number
  /**
   * Largest timestamp in a segment that was begun before this process; too large does no harm, undefined = not known
   * (then the rest of the segment is indexed by offset alone).
   */
  readonly maxTimestampOf: (segment: SegmentKey) => number | undefined
}

interface SegmentInWork {
  readonly baseOffset: number
  readonly generation: number
  readonly indexer: SegmentIndexer
}

/** Indexes the batches of one log directory as they are laid into their segments, in order for each segment. */
export class LogIndexer {
  readonly #options: LogIndexerOptions
  /** By topic id and partition: only its last segment is ever written. */
  readonly #topics = new Map<string, Map<number, SegmentInWork>>()

  constructor(options: LogIndexerOptions) {
    this.#options = options
  }

  batchesLaid(segment: SegmentKey, batches: readonly LaidBatch[]): void {
    const [first] = batches
    if (!first) return
    const { indexer } = this.#inWork(segment, first.position)
    for (const { baseOffset, position, bytes, maxTimestamp } of batches) {
      const entry = indexer.next(baseOffset, position, bytes.length, maxTimestamp)
      if (entry) this.#options.index.add(segment, entry)
    }
  }

  /** A segment was written whole, by compaction: its entries are filled in some time later. */
  segmentAdded(segment: SegmentKey, path: string, fileBytes: number): void {
    const intervalBytes = this.#options.intervalBytesOf(segment.topicId)
    this.#options.index.fillIn({ key: segment, path, fileBytes, intervalBytes })
  }

  /** Drops the rows of a segment that was removed or replaced. */
  segmentRemoved(segment: SegmentKey): void {
    this.#options.index.dropSegment(segment)
  }

  /** Forgets a topic that is gone, and drops its rows. */
  dropTopic(topicId: string): void {
    this.#topics.delete(topicId)
    this.#options.index.dropTopic(topicId)
  }

  #inWork(segment: SegmentKey, position: number): SegmentInWork {
    let partitions = this.#topics.get(segment.topicId)
    if (partitions === undefined) {
      partitions = new Map()
      this.#topics.set(segment.topicId, partitions)
    }
    const known = partitions.get(segment.partition)
    if (known?.baseOffset === segment.segmentBaseOffset && known.generation === segment.generation) return known
    const begun = {
      baseOffset: segment.segmentBaseOffset,
      generation: segment.generation,
      indexer: new SegmentIndexer({
        intervalBytes: this.#options.intervalBytesOf(segment.topicId),
        position,
        maxTimestamp: position === 0 ? -1 : this.#options.maxTimestampOf(segment),
      }),
    }
    partitions.set(segment.partition, begun)
    return begun
  }
}

import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { compressBatchSync } from '../../src/codec/compressed-batch.ts'
import type { CompressionType } from '../../src/codec/compression.ts'
import { assignOffsets } from '../../src/codec/record-batch.ts'
import type { IndexedSegment } from '../../src/embedded/index/index-messages.ts'
import type { SegmentIndex, SegmentKey } from '../../src/embedded/index/segment-index.ts'
import { SegmentIndexer } from '../../src/embedded/index/segment-indexer.ts'
import type { FencedRange, PartitionView, SegmentView, TailBatch } from '../../src/embedded/log/partition-view.ts'
import { encodeBatch, type PlainRecord } from './record-spans.ts'

export interface StoredBatch extends TailBatch {
  readonly records: readonly { readonly offset: number; readonly timestamp: number; readonly value: string }[]
}

/** The segments of one partition as a test lays them down: in real files, the newest batches in memory if told so. */
export class StoredPartition implements PartitionView {
  readonly topic = 'orders'
  readonly topicId = 'AAAAAAAAAAAAAAAAAAAAAA'
  readonly partition = 3
  readonly directory: string
  readonly batches: StoredBatch[] = []
  readonly segments: (SegmentView & { fileBytes: number; maxTimestamp: number; generation: number })[] = []
  readonly tail: TailBatch[] = []
  readonly fenced: FencedRange[] = []
  dropped = false
  logStartOffset = 0
  highWatermark = 0
  logEndOffset = 0
  #pending: Buffer[] = []

  constructor(directory: string) {
    this.directory = directory
    this.roll()
  }

  /** Begins a segment at the log end. */
  roll(): void {
    this.segments.push({
      baseOffset: this.logEndOffset,
      generation: 0,
      path: path.join(this.directory, `${String(this.logEndOffset).padStart(20, '0')}.log`),
      fileBytes: 0,
      maxTimestamp: -1,
    })
  }

  /** One batch more, in memory until `lay`. */
  append(timestamps: readonly number[], valueBytes: number, compression: CompressionType = 'none'): StoredBatch {
    const segment = this.active
    const baseOffset = this.logEndOffset
    const records = timestamps.map((timestamp, place) => ({
      offset: baseOffset + place,
      timestamp,
      value: `${baseOffset + place}:`.padEnd(valueBytes, '.'),
    }))
    const plain = encodeBatch(
      records.map(({ timestamp, value }): PlainRecord => ({ key: null, value: Buffer.from(value), timestamp })),
    )
    const bytes = compressBatchSync(plain, compression)
    assignOffsets(bytes, 0, baseOffset, 0)
    const batch = {
      baseOffset,
      lastOffset: baseOffset + records.length - 1,
      maxTimestamp: Math.max(...timestamps),
      segmentBaseOffset: segment.baseOffset,
      position: segment.fileBytes + this.#pending.reduce((sum, pending) => sum + pending.length, 0),
      bytes,
      records,
    }
    segment.maxTimestamp = Math.max(segment.maxTimestamp, batch.maxTimestamp)
    this.batches.push(batch)
    this.tail.push(batch)
    this.#pending.push(bytes)
    this.logEndOffset = batch.lastOffset + 1
    this.highWatermark = this.logEndOffset
    return batch
  }

  /** Writes what is pending to the active segment's file. */
  async lay(options: { readonly forget: boolean }): Promise<void> {
    await fs.appendFile(this.active.path, Buffer.concat(this.#pending))
    this.active.fileBytes += this.#pending.reduce((sum, pending) => sum + pending.length, 0)
    this.#pending = []
    if (options.forget) this.tail.length = 0
  }

  get active() {
    return this.segments.at(-1)!
  }

  keyOf(segment: SegmentView): SegmentKey {
    return {
      topicId: this.topicId,
      partition: this.partition,
      segmentBaseOffset: segment.baseOffset,
      generation: segment.generation,
    }
  }

  indexedSegments(intervalBytes: number): IndexedSegment[] {
    return this.segments.map((segment) => ({
      key: this.keyOf(segment),
      path: segment.path,
      fileBytes: segment.fileBytes,
      intervalBytes,
    }))
  }

  /** Gives an index the entries of all batches, as the log does while it writes them. */
  indexInto(index: SegmentIndex, intervalBytes: number): void {
    for (const segment of this.segments) {
      const indexer = new SegmentIndexer({ intervalBytes })
      for (const batch of this.batches) {
        if (batch.segmentBaseOffset !== segment.baseOffset) continue
        const entry = indexer.next(batch.baseOffset, batch.position, batch.bytes.length, batch.maxTimestamp)
        if (entry) index.add(this.keyOf(segment), entry)
      }
    }
  }

  /** The answer to `findByTime` by the rule itself. */
  naiveFindByTime(timestamp: number): { offset: number; timestamp: number } | null {
    for (const { records } of this.batches) {
      for (const record of records) {
        if (record.offset < this.logStartOffset || record.timestamp < timestamp) continue
        return record.offset < this.highWatermark ? { offset: record.offset, timestamp: record.timestamp } : null
      }
    }
    return null
  }
}

import * as fs from 'node:fs'
import {
  BATCH_HEADER_BYTES,
  baseOffset,
  batchSizeBytes,
  checkBatch,
  lastOffset,
  maxTimestamp,
} from '../../codec/record-batch.ts'
import type { IndexedSegment } from './index-messages.ts'
import type { IndexEntry } from './segment-index.ts'
import { SegmentIndexer } from './segment-indexer.ts'

const CHUNK_BYTES = 1024 * 1024

/** What one step of a scan found. */
export interface ScanStep {
  readonly entries: readonly IndexEntry[]
  readonly bytes: number
}

/**
 * Finds the index entries of a segment's file, about a chunk a step. Steps over one damaged batch if its length leads to
 * a sound one; else it ends there: what lies behind is found by walking, or not at all.
 */
export function* scanSegment(segment: IndexedSegment): Generator<ScanStep> {
  let descriptor: number
  try {
    descriptor = fs.openSync(segment.path, 'r')
  } catch {
    // Deleted since the list was made.
    return
  }
  try {
    yield* scanFile(descriptor, segment)
  } finally {
    fs.closeSync(descriptor)
  }
}

function* scanFile(descriptor: number, segment: IndexedSegment): Generator<ScanStep> {
  const scan = new BatchScan(segment)
  let chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  for (;;) {
    const { position } = scan
    const length = Math.min(chunk.length, segment.fileBytes - position)
    const loaded = chunk.subarray(0, fs.readSync(descriptor, chunk, 0, length, position))
    if (loaded.length < BATCH_HEADER_BYTES) return
    const entries = scan.take(loaded)
    const bytes = scan.position - position
    if (bytes > 0) {
      yield { entries, bytes }
      continue
    }
    const claimedBytes = batchSizeBytes(loaded, 0)
    if (claimedBytes < BATCH_HEADER_BYTES || position + claimedBytes > segment.fileBytes) return
    if (claimedBytes > chunk.length) chunk = Buffer.allocUnsafe(claimedBytes)
    else if (!scan.stepOver(claimedBytes)) return
  }
}

/** Where a scan stands, and which batches may come there: the rules of the reader's SegmentCursor. */
class BatchScan {
  readonly #generation: number
  readonly #indexer: SegmentIndexer
  #expectedOffset: number
  #behindDamage = false
  position = 0

  constructor(segment: IndexedSegment) {
    this.#generation = segment.key.generation
    this.#expectedOffset = segment.key.segmentBaseOffset
    this.#indexer = new SegmentIndexer({ intervalBytes: segment.intervalBytes })
  }

  /** Goes behind the whole, sound batches that the chunk begins with. */
  take(chunk: Buffer): IndexEntry[] {
    const entries: IndexEntry[] = []
    let at = 0
    while (checkBatch(chunk, at, chunk.length) === 'valid' && this.#mayBeginWith(baseOffset(chunk, at))) {
      const sizeBytes = batchSizeBytes(chunk, at)
      const entry = this.#indexer.next(baseOffset(chunk, at), this.position, sizeBytes, maxTimestamp(chunk, at))
      if (entry) entries.push(entry)
      this.#expectedOffset = lastOffset(chunk, at) + 1
      this.#behindDamage = false
      this.position += sizeBytes
      at += sizeBytes
    }
    return entries
  }

  /** Goes behind a damaged batch; false behind another one. */
  stepOver(sizeBytes: number): boolean {
    if (this.#behindDamage) return false
    this.#behindDamage = true
    this.position += sizeBytes
    return true
  }

  #mayBeginWith(offset: number): boolean {
    const expected = this.#expectedOffset
    return offset === expected || (offset > expected && (this.#generation > 0 || this.#behindDamage))
  }
}

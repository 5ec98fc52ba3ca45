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
import { findSoundRun } from '../log/sound-run.ts'
import { SegmentIndexer } from './segment-indexer.ts'

const CHUNK_BYTES = 1024 * 1024

/** What one step of a scan found. */
export interface ScanStep {
  readonly entries: readonly IndexEntry[]
  readonly bytes: number
}

/**
 * Finds the index entries of a segment's file, about a chunk a step. Steps over a damaged batch if its length leads to a
 * sound one, else to the batches behind it that lead to the end of the file; where there are none, it ends.
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
    const isWithin = claimedBytes >= BATCH_HEADER_BYTES && position + claimedBytes <= segment.fileBytes
    if (isWithin && claimedBytes > chunk.length) chunk = Buffer.allocUnsafe(claimedBytes)
    else if (!(isWithin && scan.stepOver(claimedBytes)) && !(yield* scan.searchBehind(descriptor, segment))) return
  }
}

/** Where a scan stands, and which batches may come there: the rules of the reader's SegmentCursor. */
class BatchScan {
  readonly #generation: number
  readonly #indexer: SegmentIndexer
  #expectedOffset: number
  /** The damaged batch that was stepped over right before. */
  #damaged: { readonly position: number; readonly expectedOffset: number } | undefined
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
      this.#damaged = undefined
      this.position += sizeBytes
      at += sizeBytes
    }
    return entries
  }

  /** Goes behind a damaged batch; false behind another one. */
  stepOver(sizeBytes: number): boolean {
    if (this.#damaged) return false
    this.#damaged = { position: this.position, expectedOffset: this.#expectedOffset }
    this.position += sizeBytes
    return true
  }

  /** Goes to where sound batches begin that lead to the end of the file, a step a read; false if there are none. */
  *searchBehind(descriptor: number, { key, fileBytes }: IndexedSegment): Generator<ScanStep, boolean> {
    const { generation } = key
    const damaged = this.#damaged ?? { position: this.position, expectedOffset: this.#expectedOffset }
    const end = { position: fileBytes, offset: Number.MAX_SAFE_INTEGER, isBatch: false }
    const search = findSoundRun({ generation, fenced: [], ...damaged, end })
    let found = search.next()
    while (found.done !== true) {
      const bytes = Buffer.allocUnsafe(found.value.length)
      found = search.next(bytes.subarray(0, fs.readSync(descriptor, bytes, 0, bytes.length, found.value.position)))
      yield { entries: [], bytes: 0 }
    }
    if (!found.value) return false
    this.position = found.value.position
    this.#expectedOffset = found.value.baseOffset
    return true
  }

  #mayBeginWith(offset: number): boolean {
    const expected = this.#expectedOffset
    return offset === expected || (offset > expected && (this.#generation > 0 || this.#damaged !== undefined))
  }
}

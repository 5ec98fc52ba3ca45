import * as fs from 'node:fs'
import { baseOffset, batchSizeBytes, BATCH_HEADER_BYTES, checkBatch, maxTimestamp } from '../../codec/record-batch.ts'
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
 * Finds the index entries of a segment's file, a chunk a step. Ends early at bytes that are no batch: what lies behind
 * them is then found by walking, or not at all.
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
  const indexer = new SegmentIndexer({ intervalBytes: segment.intervalBytes })
  let chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  let position = 0
  while (position + BATCH_HEADER_BYTES <= segment.fileBytes) {
    const length = fs.readSync(descriptor, chunk, 0, Math.min(chunk.length, segment.fileBytes - position), position)
    const { entries, bytes } = scanChunk(chunk.subarray(0, length), position, indexer)
    if (bytes > 0) {
      position += bytes
      yield { entries, bytes }
      continue
    }
    const needed = length >= BATCH_HEADER_BYTES ? batchSizeBytes(chunk, 0) : 0
    const fits = needed > length && position + needed <= segment.fileBytes && length === chunk.length
    if (!fits) return
    chunk = Buffer.allocUnsafe(needed)
  }
}

/** Takes the whole, sound batches of a chunk. */
function scanChunk(chunk: Buffer, position: number, indexer: SegmentIndexer): ScanStep {
  const entries: IndexEntry[] = []
  let at = 0
  while (at < chunk.length && checkBatch(chunk, at, chunk.length) === 'valid') {
    const sizeBytes = batchSizeBytes(chunk, at)
    const entry = indexer.next(baseOffset(chunk, at), position + at, sizeBytes, maxTimestamp(chunk, at))
    if (entry) entries.push(entry)
    at += sizeBytes
  }
  return { entries, bytes: at }
}

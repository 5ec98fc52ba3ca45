import { baseOffset, batchSizeBytes, checkBatch, lastOffset, maxTimestamp } from '../../codec/record-batch.ts'
import type { FileHandle } from '../file-system.ts'

const CHUNK_BYTES = 1024 * 1024
/** Longer than any batch may be: a length beyond it is damage. */
const BATCH_BYTES_MAX = 512 * 1024 * 1024

export interface ContiguousBatches {
  /** Behind the last of them. */
  readonly position: number
  readonly nextOffset: number
  readonly maxTimestamp: number
  /** Of the first of them; −1 = none. */
  readonly firstTimestamp: number
}

/**
 * How far valid batches lie one behind the other, from a position on at which a batch with at least this offset begins.
 * Reads no further than `untilOffset`.
 */
export async function scanContiguous(
  file: FileHandle,
  from: number,
  firstOffset: number,
  untilOffset: number,
): Promise<ContiguousBatches> {
  let position = from
  let nextOffset = firstOffset
  let newest = -1
  let firstTimestamp = -1
  let chunk: Buffer = Buffer.alloc(0)
  let at = 0
  while (nextOffset < untilOffset) {
    const check = checkBatch(chunk, at, chunk.length)
    if (check === 'corrupt') break
    if (check === 'torn') {
      const wanted = Math.max(CHUNK_BYTES, wantedBytes(chunk, at))
      if (wanted > BATCH_BYTES_MAX) break
      const read = await file.read(position, wanted)
      if (read.length <= chunk.length - at) break
      chunk = read
      at = 0
      continue
    }
    if (baseOffset(chunk, at) < nextOffset) break
    if (firstTimestamp < 0) firstTimestamp = maxTimestamp(chunk, at)
    newest = Math.max(newest, maxTimestamp(chunk, at))
    nextOffset = lastOffset(chunk, at) + 1
    position += batchSizeBytes(chunk, at)
    at += batchSizeBytes(chunk, at)
  }
  return { position, nextOffset, maxTimestamp: newest, firstTimestamp }
}

function wantedBytes(chunk: Buffer, at: number): number {
  return chunk.length - at < 12 ? CHUNK_BYTES : batchSizeBytes(chunk, at)
}

import {
  BATCH_HEADER_BYTES,
  BATCH_OVERHEAD_BYTES,
  batchSizeBytes,
  checkBatch,
  looksLikeBatch,
} from '../../codec/record-batch.ts'
import type { FileHandle } from '../file-system.ts'

const LENGTH_AT = 8
const LENGTH_BITS = 32
/** Larger ones are not tried: no request is. */
const TRIED_MAX_BYTES = 16 * 1024 * 1024

/**
 * Where a damaged batch ends whose length has one flipped bit: only with the length that it was written with do its bytes
 * fit its CRC. Undefined where that is not what is wrong, or nothing that could be a batch follows: each read of a damaged
 * place asks, and all lengths together are many megabytes.
 */
export async function endByFlippedLength(
  file: FileHandle,
  position: number,
  fileBytes: number,
): Promise<number | undefined> {
  const header = await file.read(position, BATCH_HEADER_BYTES)
  if (header.length < BATCH_HEADER_BYTES) return undefined
  const written = batchSizeBytes(header, 0) - BATCH_OVERHEAD_BYTES
  const sizes = Array.from({ length: LENGTH_BITS }, (_, bit) => (written ^ (1 << bit)) + BATCH_OVERHEAD_BYTES)
  const largest = Math.min(fileBytes - position, TRIED_MAX_BYTES)
  for (const sizeBytes of sizes.sort((one, other) => one - other)) {
    if (sizeBytes < BATCH_HEADER_BYTES || sizeBytes > largest) continue
    const next = await file.read(position + sizeBytes, BATCH_HEADER_BYTES)
    if (next.length < BATCH_HEADER_BYTES || !looksLikeBatch(next, 0)) continue
    const bytes = await file.read(position, sizeBytes)
    if (bytes.length < sizeBytes) return undefined
    bytes.writeInt32BE(sizeBytes - BATCH_OVERHEAD_BYTES, LENGTH_AT)
    if (checkBatch(bytes, 0, sizeBytes) === 'valid') return position + sizeBytes
  }
  return undefined
}

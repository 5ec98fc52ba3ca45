import { DECOMPRESSED_BATCH_MAX_BYTES } from '../../broker/decompressed-batches.ts'
import { compressBatchSync, decompressBatchSync } from '../../codec/compressed-batch.ts'
import { compressionTypes } from '../../codec/compression.ts'
import { compressionCodec } from '../../codec/record-batch.ts'
import type { BatchCompression } from './batch-filter.ts'

/** In the codec that it came in, at that codec's own level: which one it had, a batch does not tell. */
export const batchCompression: BatchCompression = {
  plain(buf, at) {
    return compressionCodec(buf, at) === 0 ? buf : decompressBatchSync(buf, at, DECOMPRESSED_BATCH_MAX_BYTES)
  },
  compressed: (plain, codec) => compressBatchSync(plain, compressionTypes[codec] ?? 'none'),
}

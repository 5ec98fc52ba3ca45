import { DECOMPRESSED_BATCH_MAX_BYTES } from '../../broker/decompressed-batches.ts'
import { releaseBatch } from '../../codec/batch-buffer.ts'
import { compressBatchSync, decompressBatchSync } from '../../codec/compressed-batch.ts'
import { compressionTypes } from '../../codec/compression.ts'
import { compressionCodec } from '../../codec/record-batch.ts'
import type { BatchCompression } from './batch-filter.ts'

let lent: Buffer | undefined

/** Keeps a batch's codec, at the level that is its own default. The thread's own: what it gives holds until the next call. */
export const batchCompression: BatchCompression = {
  plain(buf, at) {
    if (compressionCodec(buf, at) === 0) return buf
    return decompressBatchSync(buf, at, DECOMPRESSED_BATCH_MAX_BYTES)
  },
  compressed(plain, codec) {
    if (lent) releaseBatch(lent)
    lent = undefined
    const type = compressionTypes[codec]
    if (codec === 0 || type === undefined) return plain
    lent = compressBatchSync(plain, type)
    return lent
  },
}

import { CorruptBatchError } from '../../codec/corrupt-batch-error.ts'
import { compressionCodec } from '../../codec/record-batch.ts'
import type { BatchCompression } from './batch-filter.ts'

/** Only uncompressed batches are stored. */
export const batchCompression: BatchCompression = {
  plain(buf, at) {
    if (compressionCodec(buf, at) !== 0) throw new CorruptBatchError('compressed batch cannot be read', at)
    return buf
  },
  compressed: (plain) => plain,
}

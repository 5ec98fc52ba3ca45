import { allocateBatch } from './batch-buffer.ts'
import {
  compress,
  compressionTypes,
  compressSync,
  decompress,
  decompressSync,
  type CompressionType,
} from './compression.ts'
import { CorruptBatchError, DecompressedTooLargeError } from './corrupt-batch-error.ts'
import { BATCH_HEADER_BYTES, batchSizeBytes, compressionCodec, recordCount, setRecordsBytes } from './record-batch.ts'

const noRecords = Buffer.alloc(0)

/** How the records of the batch at `at`, which checkBatch found valid, are compressed. */
export function compressionTypeOf(buf: Buffer, at: number): CompressionType {
  return compressionTypes[compressionCodec(buf, at)]!
}

/**
 * The same batch with compressed records, a new CRC, and memory of allocateBatch; the header says the same otherwise.
 * The batch itself is given back for `none`, and where there are no records.
 *
 * @param batch one valid uncompressed batch, no more
 * @param level of gzip and zstd
 */
export function compressBatchSync(batch: Buffer, type: CompressionType, level?: number): Buffer {
  if (staysAsItIs(batch, type)) return batch
  return compressed(batch, compressSync(type, batch.subarray(BATCH_HEADER_BYTES), level), type)
}

/** The same off the event loop; the batch must stay as it is until then. */
export async function compressBatch(batch: Buffer, type: CompressionType, level?: number): Promise<Buffer> {
  if (staysAsItIs(batch, type)) return batch
  return compressed(batch, await compress(type, batch.subarray(BATCH_HEADER_BYTES), level), type)
}

/**
 * The batch at `at` as an uncompressed batch of its own: the header says the same otherwise, with a CRC that fits. One
 * that is not compressed is given as it lies there.
 *
 * @param maxBytes the most that its records may take, uncompressed
 * @throws CorruptBatchError with the position in `buf`; DecompressedTooLargeError
 */
export function decompressBatchSync(buf: Buffer, at: number, maxBytes: number): Buffer {
  if (compressionCodec(buf, at) === 0) return plainBatch(buf, at)
  return plainOf(buf, at, decompressRecordsSync(buf, at, maxBytes))
}

/** The same off the event loop; the bytes must stay as they are until then. */
export async function decompressBatch(buf: Buffer, at: number, maxBytes: number): Promise<Buffer> {
  if (compressionCodec(buf, at) === 0) return plainBatch(buf, at)
  return plainOf(buf, at, await decompressRecords(buf, at, maxBytes))
}

/** The records of such a batch alone, as `readDecompressedRecords` takes them: nothing is copied or summed for that. */
export function decompressRecordsSync(buf: Buffer, at: number, maxBytes: number): Buffer {
  if (isEmpty(buf, at)) return noRecords
  try {
    return decompressSync(compressionTypeOf(buf, at), recordsOf(buf, at), maxBytes)
  } catch (error) {
    throw inBuffer(error, at)
  }
}

/** The same off the event loop; the bytes must stay as they are until then. */
export async function decompressRecords(buf: Buffer, at: number, maxBytes: number): Promise<Buffer> {
  if (isEmpty(buf, at)) return noRecords
  try {
    return await decompress(compressionTypeOf(buf, at), recordsOf(buf, at), maxBytes)
  } catch (error) {
    throw inBuffer(error, at)
  }
}

function staysAsItIs(batch: Buffer, type: CompressionType): boolean {
  return type === 'none' || recordCount(batch, 0) === 0
}

/** Compaction leaves batches of which only the header remains. */
function isEmpty(buf: Buffer, at: number): boolean {
  return recordCount(buf, at) === 0 && batchSizeBytes(buf, at) === BATCH_HEADER_BYTES
}

function plainBatch(buf: Buffer, at: number): Buffer {
  return buf.subarray(at, at + batchSizeBytes(buf, at))
}

function recordsOf(buf: Buffer, at: number): Buffer {
  return buf.subarray(at + BATCH_HEADER_BYTES, at + batchSizeBytes(buf, at))
}

function compressed(plain: Buffer, records: Buffer, type: CompressionType): Buffer {
  return withRecords(allocateBatch(BATCH_HEADER_BYTES + records.length), plain, 0, records, type)
}

function plainOf(buf: Buffer, at: number, records: Buffer): Buffer {
  return withRecords(Buffer.allocUnsafe(BATCH_HEADER_BYTES + records.length), buf, at, records, 'none')
}

/** Fills `batch` with the header at `at` and other records. */
function withRecords(batch: Buffer, buf: Buffer, at: number, records: Buffer, type: CompressionType): Buffer {
  buf.copy(batch, 0, at, at + BATCH_HEADER_BYTES)
  records.copy(batch, BATCH_HEADER_BYTES)
  setRecordsBytes(batch, 0, batch.length, compressionTypes.indexOf(type))
  return batch
}

/** Faults are counted from the start of the records. */
function inBuffer(error: unknown, at: number): unknown {
  if (!(error instanceof CorruptBatchError)) return error
  const position = at + BATCH_HEADER_BYTES + error.position
  if (error instanceof DecompressedTooLargeError) return new DecompressedTooLargeError(error.maxBytes, position)
  return new CorruptBatchError(error.reason, position)
}

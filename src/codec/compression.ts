import { lz4Compress, lz4CompressSync, lz4Decompress, lz4DecompressSync } from './lz4-frame.ts'
import { snappyCompress, snappyCompressSync, snappyDecompress, snappyDecompressSync } from './xerial-snappy.ts'
import {
  gzipCompress,
  gzipCompressSync,
  gzipDecompress,
  gzipDecompressSync,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from './zlib-compression.ts'

/** In the order of Kafka's codec ids, which the attributes of a batch have. */
export const compressionTypes = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

export type CompressionType = (typeof compressionTypes)[number]

interface Compressor {
  /** @param level of gzip −1 to 9, of zstd −131072 to 22; the others have none */
  compressSync(bytes: Buffer, level?: number): Buffer
  compress(bytes: Buffer, level?: number): Promise<Buffer>
  decompressSync(bytes: Buffer, maxBytes: number): Buffer
  decompress(bytes: Buffer, maxBytes: number): Promise<Buffer>
}

const compressors: Readonly<Record<Exclude<CompressionType, 'none'>, Compressor>> = {
  gzip: {
    compressSync: gzipCompressSync,
    compress: gzipCompress,
    decompressSync: gzipDecompressSync,
    decompress: gzipDecompress,
  },
  snappy: {
    compressSync: snappyCompressSync,
    compress: snappyCompress,
    decompressSync: snappyDecompressSync,
    decompress: snappyDecompress,
  },
  lz4: {
    compressSync: lz4CompressSync,
    compress: lz4Compress,
    decompressSync: lz4DecompressSync,
    decompress: lz4Decompress,
  },
  zstd: {
    compressSync: zstdCompressSync,
    compress: zstdCompress,
    decompressSync: zstdDecompressSync,
    decompress: zstdDecompress,
  },
}

/** Compresses in the framing that Kafka gives the records of a batch. `none` gives the bytes themselves. */
export function compressSync(type: CompressionType, bytes: Buffer, level?: number): Buffer {
  return type === 'none' ? bytes : compressors[type].compressSync(bytes, level)
}

/** The same off the event loop; the bytes must stay as they are until then. */
export async function compress(type: CompressionType, bytes: Buffer, level?: number): Promise<Buffer> {
  return type === 'none' ? bytes : compressors[type].compress(bytes, level)
}

/**
 * The reverse, of bytes that anybody may have made: broken ones are a CorruptBatchError, and so is content of more than
 * `maxBytes`, a DecompressedTooLargeError. At no time more than twice `maxBytes` and one block of the format is held.
 */
export function decompressSync(type: CompressionType, bytes: Buffer, maxBytes: number): Buffer {
  if (type !== 'none') return compressors[type].decompressSync(bytes, maxBytes)
  return bytes
}

/** The same off the event loop; the bytes must stay as they are until then. */
export async function decompress(type: CompressionType, bytes: Buffer, maxBytes: number): Promise<Buffer> {
  return type === 'none' ? bytes : compressors[type].decompress(bytes, maxBytes)
}

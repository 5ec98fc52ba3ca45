import { releaseBatch } from '../codec/batch-buffer.ts'
import { compressBatch, compressBatchSync, compressionTypeOf, decompressBatch } from '../codec/compressed-batch.ts'
import type { CompressionType } from '../codec/compression.ts'
import type { CodecJobs } from './codec-jobs.ts'
import type { AppendPart, EncodedBatch } from './engine.ts'
import { DECOMPRESSED_BATCH_MAX_BYTES } from './decompressed-batches.ts'
import { maxBatchBytes } from './record-checks.ts'
import type { TopicConfig } from './topic-config.ts'

export interface Compression {
  readonly type: CompressionType
  /** Of gzip and zstd. */
  readonly level?: number
}

/**
 * How batches are to be stored: what the topic asks for, else what the request does; undefined where neither says
 * anything, so that batches stay as they are.
 */
export function compressionFor(config: TopicConfig, asked: CompressionType | undefined): Compression | undefined {
  const { compressionType } = config
  const type = compressionType === 'uncompressed' ? 'none' : compressionType === 'producer' ? asked : compressionType
  if (type === 'gzip') return { type, level: config.compressionGzipLevel }
  if (type === 'zstd') return { type, level: config.compressionZstdLevel }
  return type && { type }
}

/**
 * Content that takes longer than about 100 µs is compressed on another thread. Measured with JSON: gzip 13 µs a KiB, zstd
 * 2 and 25 to begin with, snappy and lz4 1 to 2.
 */
const ON_LOOP_MAX_BYTES = { none: Infinity, gzip: 8192, snappy: 65_536, lz4: 49_152, zstd: 32_768 } as const
const ZSTD_DEFAULT_LEVEL = 3
/** Up to here zstd takes up to eight times as long; the levels above are for archives. */
const ZSTD_MODERATE_LEVEL = 9

/** Gives encoded batches the compression they are to be stored with. */
export class BatchCompression {
  readonly #jobs: CodecJobs

  constructor(jobs: CodecJobs) {
    this.#jobs = jobs
  }

  /**
   * The same parts with each batch in that codec; at once where little is to do. A batch that compression would bring
   * above the topic's limit stays uncompressed. Takes the batches over, whose content was checked.
   */
  apply(
    parts: readonly AppendPart[],
    compression: Compression | undefined,
    config: TopicConfig,
  ): readonly AppendPart[] | Promise<readonly AppendPart[]> {
    if (compression === undefined || parts.every((part) => part.batches.every((batch) => is(batch, compression)))) {
      return parts
    }
    const target = { ...compression, maxBytes: maxBatchBytes(config) }
    if (!isQuick(parts, compression)) return this.#applyLater(parts, target)
    return parts.map(({ partition, batches }) => ({
      partition,
      batches: batches.map((batch) => convertedSync(batch, target)),
    }))
  }

  /** One batch of a request after the other, so that a large request leaves others their turn. */
  async #applyLater(parts: readonly AppendPart[], target: Target): Promise<readonly AppendPart[]> {
    const done: AppendPart[] = []
    for (const { partition, batches } of parts) {
      const converted: EncodedBatch[] = []
      for (const batch of batches) converted.push(await this.#jobs.run(() => convertedLater(batch, target)))
      done.push({ partition, batches: converted })
    }
    return done
  }
}

interface Target extends Compression {
  readonly maxBytes: number
}

function is({ bytes }: EncodedBatch, { type }: Compression): boolean {
  return compressionTypeOf(bytes, 0) === type
}

function isQuick(parts: readonly AppendPart[], compression: Compression): boolean {
  let left = onLoopMaxBytes(compression)
  for (const { batches } of parts) {
    for (const { bytes } of batches) {
      if (compressionTypeOf(bytes, 0) !== 'none') return false
      left -= bytes.length
      if (left < 0) return false
    }
  }
  return true
}

function onLoopMaxBytes({ type, level = ZSTD_DEFAULT_LEVEL }: Compression): number {
  const usual = ON_LOOP_MAX_BYTES[type]
  if (type !== 'zstd' || level <= ZSTD_DEFAULT_LEVEL) return usual
  return level <= ZSTD_MODERATE_LEVEL ? usual / 8 : 0
}

/** Of an uncompressed batch. */
function convertedSync(batch: EncodedBatch, { type, level, maxBytes }: Target): EncodedBatch {
  return smaller(batch, compressBatchSync(batch.bytes, type, level), maxBytes)
}

async function convertedLater(batch: EncodedBatch, target: Target): Promise<EncodedBatch> {
  if (is(batch, target)) return batch
  const { type, level, maxBytes } = target
  if (compressionTypeOf(batch.bytes, 0) === 'none') {
    return smaller(batch, await compressBatch(batch.bytes, type, level), maxBytes)
  }
  const plain = await decompressBatch(batch.bytes, 0, DECOMPRESSED_BATCH_MAX_BYTES)
  const bytes = await compressBatch(plain, type, level)
  releaseBatch(batch.bytes)
  return { ...batch, bytes }
}

/** Incompressible content grows a little, and a batch may be as large as its topic allows already. */
function smaller(plain: EncodedBatch, bytes: Buffer, maxBytes: number): EncodedBatch {
  const tooLarge = bytes.length > maxBytes && plain.bytes.length <= maxBytes
  releaseBatch(tooLarge ? bytes : plain.bytes)
  return tooLarge ? plain : { ...plain, bytes }
}

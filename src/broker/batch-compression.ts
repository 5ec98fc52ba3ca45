import { setImmediate } from 'node:timers/promises'
import { releaseBatch } from '../codec/batch-buffer.ts'
import { compressBatch, compressBatchSync, compressionTypeOf, decompressBatch } from '../codec/compressed-batch.ts'
import type { CompressionType } from '../codec/compression.ts'
import type { CodecJobs } from './codec-jobs.ts'
import type { AppendPart, EncodedBatch } from './append-request.ts'
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

/** Microseconds, measured with JSON: to begin with, and for each KiB. */
const COST_US = {
  none: { start: 0, perKib: 0 },
  gzip: { start: 18, perKib: 13 },
  snappy: { start: 2, perKib: 1 },
  lz4: { start: 3, perKib: 1.7 },
  zstd: { start: 19, perKib: 2 },
} as const
const ZSTD_DEFAULT_LEVEL = 3
/** Up to here zstd takes some eight times as long; the levels above are for archives. */
const ZSTD_MODERATE_LEVEL = 9
/** To give a batch to another thread costs this one about 80 µs by itself. */
const BATCH_AT_ONCE_US = 150
const REQUEST_AT_ONCE_US = 600

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

  /** One batch of a request after the other, so that others have their turn between them. */
  async #applyLater(parts: readonly AppendPart[], target: Target): Promise<readonly AppendPart[]> {
    const done: AppendPart[] = []
    for (const { partition, batches } of parts) {
      const converted: EncodedBatch[] = []
      for (const batch of batches) {
        if (estimateUs(batch, target) <= BATCH_AT_ONCE_US) {
          converted.push(convertedSync(batch, target))
          await setImmediate()
        } else converted.push(await this.#jobs.run(() => convertedLater(batch, target)))
      }
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
  let sumUs = 0
  for (const { batches } of parts) {
    for (const batch of batches) {
      const costUs = estimateUs(batch, compression)
      sumUs += costUs
      if (costUs > BATCH_AT_ONCE_US || sumUs > REQUEST_AT_ONCE_US) return false
    }
  }
  return true
}

/** What the conversion of a batch takes; what is compressed has to be opened first, and may hold much. */
function estimateUs({ bytes }: EncodedBatch, { type, level = ZSTD_DEFAULT_LEVEL }: Compression): number {
  const from = compressionTypeOf(bytes, 0)
  if (from !== 'none') return from === type ? 0 : Infinity
  const { start, perKib } = COST_US[type]
  const costUs = start + (perKib * bytes.length) / 1024
  if (type !== 'zstd' || level <= ZSTD_DEFAULT_LEVEL) return costUs
  return level <= ZSTD_MODERATE_LEVEL ? costUs * 8 : Infinity
}

/** Of a batch that is not compressed, or as it should be. */
function convertedSync(batch: EncodedBatch, target: Target): EncodedBatch {
  if (is(batch, target)) return batch
  const { type, level, maxBytes } = target
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

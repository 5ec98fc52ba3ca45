import { baseOffset, batchSizeBytes, storedCrc } from '../codec/record-batch.ts'
import { decompressRecords, decompressRecordsSync } from '../codec/compressed-batch.ts'
import { DecompressedTooLargeError } from '../codec/corrupt-batch-error.ts'
import { CodecJobs } from './codec-jobs.ts'

export interface DecompressionLimits {
  /** Memory of the batches kept, oldest use first out. */
  readonly keptBytes: number
  /** A batch that comes to more is not readable. */
  readonly batchMaxBytes: number
  /** Decompressed off the event loop at the same time. */
  readonly concurrency: number
}

/** A stored batch with more content than this is taken for damage, not for records. */
export const DECOMPRESSED_BATCH_MAX_BYTES = 256 * 1024 * 1024

const DEFAULT_LIMITS: DecompressionLimits = {
  keptBytes: 32 * 1024 * 1024,
  batchMaxBytes: DECOMPRESSED_BATCH_MAX_BYTES,
  // Of few threads, which the disk needs too.
  concurrency: 2,
}

/** Up to these sizes the work takes at most some 100 µs, and a trip to another thread about as much besides. */
const AT_ONCE_MAX_BYTES = 16 * 1024
const AT_ONCE_DECOMPRESSED_MAX_BYTES = 64 * 1024
/** Smaller content may lie in memory that it shares. */
const FREED_MIN_BYTES = 64 * 1024
/** What a batch kept takes beside its bytes. */
const KEPT_OVERHEAD_BYTES = 512

interface KeptBatch {
  /** Compaction may have put other content at the same offset. */
  readonly crc: number
  readonly sizeBytes: number
  readonly records: Buffer
}

/**
 * Opens compressed batches for readers, and keeps the last ones: pages that are smaller than a batch, and several readers
 * at the same place, decompress it once. What is handed out is shared, and must not be written to.
 */
export class DecompressedBatches {
  readonly #limits: DecompressionLimits
  readonly #kept = new Map<string, KeptBatch>()
  readonly #underWay = new Map<string, Promise<Buffer>>()
  readonly #jobs: CodecJobs
  #keptBytes = 0
  #decompressions = 0

  constructor(limits: Partial<DecompressionLimits> = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
    this.#jobs = new CodecJobs(this.#limits.concurrency)
  }

  /** Memory of the batches kept. */
  get keptBytes(): number {
    return this.#keptBytes
  }

  /** How many batches were decompressed. */
  get decompressions(): number {
    return this.#decompressions
  }

  /**
   * The records of the compressed batch at `at`, decompressed: at once if they are kept or few. `batches` must stay as it
   * is until then. Throws, or rejects with, CorruptBatchError.
   */
  records(topicId: string, partition: number, batches: Buffer, at: number): Buffer | Promise<Buffer> {
    const place = `${topicId}/${partition}/${baseOffset(batches, at)}`
    const crc = storedCrc(batches, at)
    const sizeBytes = batchSizeBytes(batches, at)
    const kept = this.#kept.get(place)
    if (kept?.crc === crc && kept.sizeBytes === sizeBytes) return this.#touched(place, kept)
    const name = `${place}/${crc}/${sizeBytes}`
    const underWay = this.#underWay.get(name)
    if (underWay !== undefined) return underWay
    this.#decompressions += 1
    const opened = sizeBytes <= AT_ONCE_MAX_BYTES ? openedAtOnce(batches, at) : undefined
    if (opened !== undefined) return this.#keep(place, { crc, sizeBytes, records: opened })
    const opening = this.#jobs
      .run(() => decompressRecords(batches, at, this.#limits.batchMaxBytes))
      .then((records) => this.#keep(place, { crc, sizeBytes, records }))
      .finally(() => this.#underWay.delete(name))
    this.#underWay.set(name, opening)
    return opening
  }

  /** Makes it the newest. */
  #touched(place: string, kept: KeptBatch): Buffer {
    this.#kept.delete(place)
    this.#kept.set(place, kept)
    return kept.records
  }

  #keep(place: string, batch: KeptBatch): Buffer {
    const { records } = batch
    this.#drop(place)
    if (costOf(batch) > this.#limits.keptBytes) {
      freeLater(records)
      return records
    }
    this.#kept.set(place, batch)
    this.#keptBytes += costOf(batch)
    for (const oldest of this.#kept.keys()) {
      if (this.#keptBytes <= this.#limits.keptBytes) break
      this.#drop(oldest)
    }
    return records
  }

  #drop(place: string): void {
    const kept = this.#kept.get(place)
    if (kept === undefined) return
    this.#kept.delete(place)
    this.#keptBytes -= costOf(kept)
    freeLater(kept.records)
  }
}

/**
 * Some hundred MB/s of dropped content, left to the collector, would be most of the server's memory. Whoever was handed it
 * reads it before the event loop's next turn.
 */
function freeLater({ buffer, byteLength }: Buffer): void {
  if (byteLength < FREED_MIN_BYTES || !(buffer instanceof ArrayBuffer)) return
  setImmediate(() => {
    if (!buffer.detached) buffer.transfer(0)
  })
}

function costOf({ records }: KeptBatch): number {
  return records.buffer.byteLength + KEPT_OVERHEAD_BYTES
}

function openedAtOnce(batches: Buffer, at: number): Buffer | undefined {
  try {
    return decompressRecordsSync(batches, at, AT_ONCE_DECOMPRESSED_MAX_BYTES)
  } catch (error) {
    if (error instanceof DecompressedTooLargeError) return undefined
    throw error
  }
}

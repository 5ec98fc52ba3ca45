import {
  BATCH_HEADER_BYTES,
  baseTimestamp,
  batchSizeBytes,
  compressionCodec,
  deleteHorizonMs,
  hasProducerId,
  isControl,
  isLogAppendTime,
  lastOffset,
  maxTimestamp,
  producerId,
  recordCount,
  writeCleanedHeader,
} from '../../codec/record-batch.ts'
import { CleanedRecords } from './cleaned-records.ts'
import { RecordCursor } from './record-cursor.ts'

/** Tombstones may be kept for ever: deltas from here are still of 53 bits, also where a record has no timestamp. */
const HORIZON_MAX_MS = Number.MAX_SAFE_INTEGER - 1

/** The last offset of a key, by the key's bytes; −1 = none. */
export interface LatestOffsets {
  get(bytes: Uint8Array, keyStart: number, keyEnd: number): number
}

/** Uncompressed batches from compressed ones, and back with the same codec. */
export interface BatchCompression {
  /** Of an uncompressed batch `buf` itself, which it lies in at `at`; else a batch of its own. */
  plain(buf: Buffer, at: number): Buffer
  /** One uncompressed batch with its records in that codec; itself for codec 0. */
  compressed(plain: Buffer, codec: number): Buffer
}

export interface BatchFilterOptions {
  readonly latest: LatestOffsets
  readonly compression: BatchCompression
  /** The first offset that `latest` says nothing of: from there on every record is kept. */
  readonly endOffset: number
  readonly nowMs: number
  readonly deleteRetentionMs: number
  /** False while the clock is not to be trusted: tombstones then stay. */
  readonly mayExpireTombstones: boolean
  /** By producer id, the last offset of those that may still publish. */
  readonly lastOffsetsOfProducers: ReadonlyMap<bigint, number>
}

/**
 * What remains of one batch: Kafka's rules (LogCleaner, MemoryRecords.filterTo). Offsets never change: a batch keeps its
 * base offset, its last offset and what it says of its producer, however many of its records go.
 */
export class BatchFilter {
  readonly #options: BatchFilterOptions
  readonly #cursor = new RecordCursor()
  readonly #kept = new CleanedRecords()
  /** Of all batches so far. */
  recordsRead = 0
  recordsKept = 0

  constructor(options: BatchFilterOptions) {
    this.#options = options
  }

  /**
   * The batch at `at`, whose frame was checked, as it is to be written: the same bytes where nothing changed; undefined
   * where nothing remains. The bytes hold until the next call.
   */
  filter(buf: Buffer, at: number): Buffer | undefined {
    const count = recordCount(buf, at)
    this.recordsRead += count
    if (isControl(buf, at)) {
      this.recordsKept += count
      return wholeBatch(buf, at)
    }
    const { compression } = this.#options
    const plain = compression.plain(buf, at)
    const plainAt = plain === buf ? at : 0
    const hasTombstone = this.#select(plain, plainAt)
    const kept = this.#kept
    this.recordsKept += kept.count
    if (kept.count === 0) return this.#emptied(buf, at)
    const needsHorizon = hasTombstone && deleteHorizonMs(buf, at) === undefined
    if (kept.count === count && !needsHorizon) return wholeBatch(buf, at)
    const cleaned = this.#rewritten(plain, plainAt, needsHorizon)
    return compression.compressed(cleaned, compressionCodec(buf, at))
  }

  /** Fills `#kept`; says whether a tombstone is among them. */
  #select(plain: Buffer, at: number): boolean {
    const cursor = this.#cursor
    const kept = this.#kept
    const { endOffset, nowMs, mayExpireTombstones } = this.#options
    const horizon = deleteHorizonMs(plain, at)
    const tombstonesGo = horizon !== undefined && mayExpireTombstones && nowMs >= horizon
    let hasTombstone = false
    kept.clear()
    cursor.open(plain, at)
    while (cursor.next()) {
      if (cursor.offset < endOffset && (this.#isStale(plain) || (tombstonesGo && !cursor.hasValue))) continue
      if (!cursor.hasValue) hasTombstone = true
      kept.add(cursor)
    }
    return hasTombstone
  }

  /** Without a key it is of no use in a compacted log; with one, only the last counts. */
  #isStale(plain: Buffer): boolean {
    const { keyStart, keyEnd, offset } = this.#cursor
    return keyStart < 0 || this.#options.latest.get(plain, keyStart, keyEnd) > offset
  }

  #rewritten(plain: Buffer, at: number, needsHorizon: boolean): Buffer {
    const { nowMs, deleteRetentionMs } = this.#options
    const kept = this.#kept
    const horizon = needsHorizon ? Math.min(nowMs + deleteRetentionMs, HORIZON_MAX_MS) : deleteHorizonMs(plain, at)
    const written = kept.write(plain, {
      at,
      baseTimestamp: baseTimestamp(plain, at),
      // Each record of such a batch has the time of its append, whatever its own delta says.
      appendTime: isLogAppendTime(plain, at) ? maxTimestamp(plain, at) : undefined,
      horizon,
    })
    writeCleanedHeader(written.bytes, 0, written.bytes.length, {
      recordCount: kept.count,
      baseTimestamp: written.baseTimestamp,
      maxTimestamp: written.maxTimestamp,
      hasDeleteHorizon: horizon !== undefined,
    })
    return written.bytes
  }

  /**
   * Only the header stays of the batch that holds the last sequence of a producer, and of the one the round ends with:
   * else the log would not say any more how far it goes.
   */
  #emptied(buf: Buffer, at: number): Buffer | undefined {
    const { lastOffsetsOfProducers, endOffset } = this.#options
    const last = lastOffset(buf, at)
    const isLastOfProducer = hasProducerId(buf, at) && lastOffsetsOfProducers.get(producerId(buf, at)) === last
    if (!isLastOfProducer && last + 1 !== endOffset) return undefined
    const header = Buffer.from(buf.subarray(at, at + BATCH_HEADER_BYTES))
    const facts = { recordCount: 0, baseTimestamp: -1, maxTimestamp: maxTimestamp(buf, at), hasDeleteHorizon: false }
    writeCleanedHeader(header, 0, BATCH_HEADER_BYTES, facts)
    return header
  }
}

function wholeBatch(buf: Buffer, at: number): Buffer {
  return buf.subarray(at, at + batchSizeBytes(buf, at))
}

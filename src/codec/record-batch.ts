import { crc32cOfSpan } from './crc32c.ts'
import { readInt64, writeInt64 } from './int64.ts'

/*
 * Kafka's record batch v2 (magic 2). All numbers are big-endian.
 *
 *    0  baseOffset            int64   set by the broker            ┐
 *    8  batchLength           int32   bytes behind this field      │ outside the CRC
 *   12  partitionLeaderEpoch  int32   set by the broker            │
 *   16  magic                 int8    2                            ┘
 *   17  crc                   uint32  CRC-32C of byte 21 to the end
 *   21  attributes            int16   bits 0–2 codec, 3 LogAppendTime, 4 transactional, 5 control, 6 delete horizon
 *   23  lastOffsetDelta       int32   lastOffset − baseOffset; kept by compaction
 *   27  baseTimestamp         int64   what the records' timestamp deltas count from
 *   35  maxTimestamp          int64   largest record timestamp, or the append time
 *   43  producerId            int64   −1 = none
 *   51  producerEpoch         int16
 *   53  baseSequence          int32
 *   57  recordCount           int32   may be less than lastOffsetDelta + 1 after compaction
 *   61  records               plain, or one compressed stream
 *
 * A batch is a position in a buffer; these accessors make no objects. They trust that checkBatch found it valid.
 */

export const BATCH_HEADER_BYTES = 61
/** baseOffset and batchLength, which batchLength does not count. */
export const BATCH_OVERHEAD_BYTES = 12

const LENGTH = 8
const LEADER_EPOCH = 12
const MAGIC = 16
const CRC = 17
const ATTRIBUTES = 21
const LAST_OFFSET_DELTA = 23
const BASE_TIMESTAMP = 27
const MAX_TIMESTAMP = 35
const PRODUCER_ID = 43
const PRODUCER_EPOCH = 51
const BASE_SEQUENCE = 53
const RECORD_COUNT = 57

const CODEC_BITS = 0x07
const LOG_APPEND_TIME_BIT = 0x08
const TRANSACTIONAL_BIT = 0x10
const CONTROL_BIT = 0x20
const DELETE_HORIZON_BIT = 0x40
const HIGHEST_CODEC = 4
/** The least a record takes: its length, attributes, two deltas, two null lengths and a header count. */
const MIN_RECORD_BYTES = 7

/** The whole batch, header included. */
export function batchSizeBytes(buf: Buffer, at: number): number {
  return buf.readInt32BE(at + LENGTH) + BATCH_OVERHEAD_BYTES
}

export function baseOffset(buf: Buffer, at: number): number {
  return readInt64(buf, at)
}

export function lastOffsetDelta(buf: Buffer, at: number): number {
  return buf.readInt32BE(at + LAST_OFFSET_DELTA)
}

export function lastOffset(buf: Buffer, at: number): number {
  return readInt64(buf, at) + buf.readInt32BE(at + LAST_OFFSET_DELTA)
}

export function partitionLeaderEpoch(buf: Buffer, at: number): number {
  return buf.readInt32BE(at + LEADER_EPOCH)
}

export function magic(buf: Buffer, at: number): number {
  return buf.readInt8(at + MAGIC)
}

export function storedCrc(buf: Buffer, at: number): number {
  return buf.readUInt32BE(at + CRC)
}

export function attributes(buf: Buffer, at: number): number {
  return buf.readInt16BE(at + ATTRIBUTES)
}

/** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
export function compressionCodec(buf: Buffer, at: number): number {
  return attributes(buf, at) & CODEC_BITS
}

export function isLogAppendTime(buf: Buffer, at: number): boolean {
  return (attributes(buf, at) & LOG_APPEND_TIME_BIT) !== 0
}

export function isTransactional(buf: Buffer, at: number): boolean {
  return (attributes(buf, at) & TRANSACTIONAL_BIT) !== 0
}

/** Control batches hold markers, take an offset, and are never shown to consumers. */
export function isControl(buf: Buffer, at: number): boolean {
  return (attributes(buf, at) & CONTROL_BIT) !== 0
}

/** Wall time from which compaction may drop the batch's tombstones; undefined until it has once kept one. */
export function deleteHorizonMs(buf: Buffer, at: number): number | undefined {
  return (attributes(buf, at) & DELETE_HORIZON_BIT) === 0 ? undefined : baseTimestamp(buf, at)
}

export function baseTimestamp(buf: Buffer, at: number): number {
  return readInt64(buf, at + BASE_TIMESTAMP)
}

export function maxTimestamp(buf: Buffer, at: number): number {
  return readInt64(buf, at + MAX_TIMESTAMP)
}

/** −1 = none. A BigInt, for ids use all 63 bits; hot paths ask hasProducerId. */
export function producerId(buf: Buffer, at: number): bigint {
  return buf.readBigInt64BE(at + PRODUCER_ID)
}

export function hasProducerId(buf: Buffer, at: number): boolean {
  return buf.readInt32BE(at + PRODUCER_ID) >= 0
}

export function producerEpoch(buf: Buffer, at: number): number {
  return buf.readInt16BE(at + PRODUCER_EPOCH)
}

export function baseSequence(buf: Buffer, at: number): number {
  return buf.readInt32BE(at + BASE_SEQUENCE)
}

export function recordCount(buf: Buffer, at: number): number {
  return buf.readInt32BE(at + RECORD_COUNT)
}

/** `torn`: it may be whole, but reaches past the end of what is there. */
export type BatchCheck = 'valid' | 'torn' | 'corrupt'

/**
 * Judges the bytes at `at`, of which those below `end` may be read: size, magic, CRC, and that the header's numbers
 * agree. Never throws. The CRC leaves out baseOffset and partitionLeaderEpoch, which the broker sets at append: damage
 * there shows only where the caller knows which offset must come.
 *
 * A batch whose offsets or timestamps are beyond 2^53 − 1 counts as corrupt.
 */
export function checkBatch(buf: Buffer, at: number, end: number): BatchCheck {
  if (end - at < BATCH_OVERHEAD_BYTES) return 'torn'
  const sizeBytes = batchSizeBytes(buf, at)
  if (sizeBytes < BATCH_HEADER_BYTES) return 'corrupt'
  if (sizeBytes > end - at) return 'torn'
  if (magic(buf, at) !== 2) return 'corrupt'
  if (crc32cOfSpan(buf, at + ATTRIBUTES, at + sizeBytes) !== storedCrc(buf, at)) return 'corrupt'
  return headerAgrees(buf, at, sizeBytes) ? 'valid' : 'corrupt'
}

function headerAgrees(buf: Buffer, at: number, sizeBytes: number): boolean {
  const count = recordCount(buf, at)
  const lastDelta = lastOffsetDelta(buf, at)
  const codec = compressionCodec(buf, at)
  if (codec > HIGHEST_CODEC || count < 0 || lastDelta < 0 || count > lastDelta + 1) return false
  if (codec === 0 && count * MIN_RECORD_BYTES > sizeBytes - BATCH_HEADER_BYTES) return false
  if (baseOffset(buf, at) < 0 || !Number.isSafeInteger(lastOffset(buf, at))) return false
  return Number.isSafeInteger(baseTimestamp(buf, at)) && Number.isSafeInteger(maxTimestamp(buf, at))
}

/**
 * Whether a header at `at` could be a batch's, by the few values that its fields can have: cheap, and no proof. There
 * must be as many bytes as a header has.
 */
export function looksLikeBatch(buf: Buffer, at: number): boolean {
  if (magic(buf, at) !== 2 || buf[at] !== 0 || buf[at + ATTRIBUTES] !== 0) return false
  const sizeBytes = batchSizeBytes(buf, at)
  return sizeBytes >= BATCH_HEADER_BYTES && headerAgrees(buf, at, sizeBytes)
}

/** Gives the batch its place in the log. The CRC does not cover these fields, so it stays. */
export function assignOffsets(buf: Buffer, at: number, firstOffset: number, leaderEpoch: number): void {
  writeInt64(buf, at, firstOffset)
  buf.writeInt32BE(leaderEpoch, at + LEADER_EPOCH)
}

/** Turns the batch to LogAppendTime: every record then reports this time. Computes a new CRC. */
export function setLogAppendTime(buf: Buffer, at: number, appendTimeMs: number): void {
  buf.writeInt16BE(attributes(buf, at) | LOG_APPEND_TIME_BIT, at + ATTRIBUTES)
  writeInt64(buf, at + MAX_TIMESTAMP, appendTimeMs)
  writeCrc(buf, at, batchSizeBytes(buf, at))
}

/** Says whose request the batch is of. Computes a new CRC. */
export function setProducer(buf: Buffer, at: number, producer: BatchProducer): void {
  writeProducer(buf, at, producer)
  writeCrc(buf, at, batchSizeBytes(buf, at))
}

/** Makes the batch one of its producer's transaction. Computes a new CRC. */
export function setTransaction(buf: Buffer, at: number, producer: BatchProducer): void {
  buf.writeInt16BE(attributes(buf, at) | TRANSACTIONAL_BIT, at + ATTRIBUTES)
  setProducer(buf, at, producer)
}

/** The batch of a log as a new producer without an identity would send it: nobody's, in no transaction. Computes a new CRC. */
export function clearProducer(buf: Buffer, at: number): void {
  buf.writeInt16BE(attributes(buf, at) & ~TRANSACTIONAL_BIT, at + ATTRIBUTES)
  setProducer(buf, at, { id: -1n, epoch: -1, sequence: -1 })
}

function writeProducer(buf: Buffer, at: number, { id, epoch, sequence }: BatchProducer): void {
  buf.writeBigInt64BE(id, at + PRODUCER_ID)
  buf.writeInt16BE(epoch, at + PRODUCER_EPOCH)
  buf.writeInt32BE(sequence, at + BASE_SEQUENCE)
}

/** Says that the batch is `sizeBytes` long and its records are compressed with `codec`. Computes a new CRC. */
export function setRecordsBytes(buf: Buffer, at: number, sizeBytes: number, codec: number): void {
  buf.writeInt32BE(sizeBytes - BATCH_OVERHEAD_BYTES, at + LENGTH)
  buf.writeInt16BE((attributes(buf, at) & ~CODEC_BITS) | codec, at + ATTRIBUTES)
  writeCrc(buf, at, sizeBytes)
}

/**
 * Writes the header of an uncompressed CreateTime batch, base offset 0 and leader epoch −1 (the broker assigns them),
 * over records already in place from byte 61 on; then the CRC.
 */
export function writeBatchHeader(buf: Buffer, at: number, sizeBytes: number, facts: BatchFacts): void {
  writeInt64(buf, at, 0)
  buf.writeInt32BE(sizeBytes - BATCH_OVERHEAD_BYTES, at + LENGTH)
  buf.writeInt32BE(-1, at + LEADER_EPOCH)
  buf[at + MAGIC] = 2
  buf.writeInt16BE(0, at + ATTRIBUTES)
  buf.writeInt32BE(facts.recordCount - 1, at + LAST_OFFSET_DELTA)
  writeInt64(buf, at + BASE_TIMESTAMP, facts.baseTimestamp)
  writeInt64(buf, at + MAX_TIMESTAMP, facts.maxTimestamp)
  if (facts.producer === undefined) {
    writeInt64(buf, at + PRODUCER_ID, -1)
    buf.writeInt16BE(-1, at + PRODUCER_EPOCH)
    buf.writeInt32BE(-1, at + BASE_SEQUENCE)
  } else writeProducer(buf, at, facts.producer)
  buf.writeInt32BE(facts.recordCount, at + RECORD_COUNT)
  writeCrc(buf, at, sizeBytes)
}

/** Writes a batch without records that stands for `lastDelta + 1` offsets, base offset 0: what readers pass over. */
export function writeEmptyBatch(buf: Buffer, at: number, lastDelta: number, timestamp: number): void {
  writeBatchHeader(buf, at, BATCH_HEADER_BYTES, { recordCount: 1, baseTimestamp: timestamp, maxTimestamp: timestamp })
  buf.writeInt32BE(lastDelta, at + LAST_OFFSET_DELTA)
  buf.writeInt32BE(0, at + RECORD_COUNT)
  writeCrc(buf, at, BATCH_HEADER_BYTES)
}

export interface BatchFacts {
  /** At least one; their offsets are dense. */
  readonly recordCount: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producer?: BatchProducer | undefined
}

/** What a batch's header says of its producer. */
export interface BatchProducer {
  /** 0 to 2^63 − 1. */
  readonly id: bigint
  /** 0 to 32,767. */
  readonly epoch: number
  /** 0 to 2^31 − 1. */
  readonly sequence: number
}

function writeCrc(buf: Buffer, at: number, sizeBytes: number): void {
  buf.writeUInt32BE(crc32cOfSpan(buf, at + ATTRIBUTES, at + sizeBytes), at + CRC)
}

/** What compaction changes in a batch's header; all else stays. */
export interface CleanedBatchFacts {
  readonly recordCount: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  /** Whether `baseTimestamp` is a delete horizon. */
  readonly hasDeleteHorizon: boolean
}

/** Rewrites the header of a batch that lies at `at` with other records than it had, uncompressed; then the CRC. */
export function writeCleanedHeader(buf: Buffer, at: number, sizeBytes: number, facts: CleanedBatchFacts): void {
  const kept = attributes(buf, at) & ~(CODEC_BITS | DELETE_HORIZON_BIT)
  buf.writeInt32BE(sizeBytes - BATCH_OVERHEAD_BYTES, at + LENGTH)
  buf.writeInt16BE(facts.hasDeleteHorizon ? kept | DELETE_HORIZON_BIT : kept, at + ATTRIBUTES)
  writeInt64(buf, at + BASE_TIMESTAMP, facts.baseTimestamp)
  writeInt64(buf, at + MAX_TIMESTAMP, facts.maxTimestamp)
  buf.writeInt32BE(facts.recordCount, at + RECORD_COUNT)
  writeCrc(buf, at, sizeBytes)
}

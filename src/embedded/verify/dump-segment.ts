import * as path from 'node:path'
import { DECOMPRESSED_BATCH_MAX_BYTES } from '../../broker/decompressed-batches.ts'
import { decompressRecordsSync } from '../../codec/compressed-batch.ts'
import { compressionTypes, type CompressionType } from '../../codec/compression.ts'
import { CorruptBatchError } from '../../codec/corrupt-batch-error.ts'
import {
  baseOffset,
  baseSequence,
  batchSizeBytes,
  compressionCodec,
  deleteHorizonMs,
  isControl,
  isLogAppendTime,
  isTransactional,
  lastOffset,
  magic,
  maxTimestamp,
  partitionLeaderEpoch,
  producerEpoch,
  producerId,
  recordCount,
  storedCrc,
} from '../../codec/record-batch.ts'
import { readDecompressedRecords, readHeaders, readRecords } from '../../codec/record-reader.ts'
import type { FileSystem } from '../file-system.ts'
import { parsePassingName, parseSegmentFileName } from '../log/segment-name.ts'
import { SegmentBytes } from './segment-bytes.ts'
import type { WantedBytes } from '../log/byte-window.ts'
import { checkSegment, type SegmentDamage } from './segment-check.ts'

/** What a batch's header says, and where it lies. */
export interface DumpedBatch {
  readonly position: number
  readonly sizeBytes: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly recordCount: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  /** The newest of its records, or when it was appended. */
  readonly timestamp: number
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly partitionLeaderEpoch: number
  readonly isTransactional: boolean
  readonly isControl: boolean
  readonly deleteHorizonMs: number | undefined
  readonly compression: CompressionType
  readonly magic: number
  readonly crc: number
}

export interface DumpedRecord {
  readonly offset: number
  readonly timestamp: number
  /** Of its producer; −1 = none. */
  readonly sequence: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly { readonly name: string; readonly value: Buffer | null }[]
}

/** Told of what a file holds, in its order. A promise holds the reading up until it is kept. */
export interface DumpSink {
  batch(batch: DumpedBatch): void
  record(record: DumpedRecord): void
  /** The records of the batch told last do not parse. */
  unreadable(batch: DumpedBatch, reason: string): void
  damage(damage: SegmentDamage): void
  /** Between batches. */
  settled(): Promise<void>
}

/** Nothing is known of what the file should hold: whatever offsets follow, as long as they rise. */
export async function dumpSegment(
  file: string,
  { fileSystem, withRecords }: { readonly fileSystem: FileSystem; readonly withRecords: boolean },
  sink: DumpSink,
): Promise<void> {
  const name = path.basename(file)
  const handle = await fileSystem.open(file, { readOnly: true })
  try {
    const check = checkSegment(
      {
        baseOffset: parseSegmentFileName(name) ?? parsePassingName(name)?.baseOffset ?? 0,
        generation: 1,
        sizeBytes: await handle.size(),
        endOffset: Number.MAX_SAFE_INTEGER,
        fenced: [],
      },
      {
        batch: (bytes, at, position) => dumpBatch(bytes, at, position, withRecords, sink),
        damage: (damage) => sink.damage(damage),
      },
    )
    const bytes = new SegmentBytes(handle, [], () => {})
    let step: IteratorResult<WantedBytes, void> = check.next()
    while (!step.done) {
      await sink.settled()
      step = check.next(await bytes.read(step.value))
    }
  } finally {
    await handle.close()
  }
}

function dumpBatch(bytes: Buffer, at: number, position: number, withRecords: boolean, sink: DumpSink): void {
  const batch = batchAt(bytes, at, position)
  sink.batch(batch)
  if (!withRecords) return
  try {
    if (compressionCodec(bytes, at) === 0) return dumpRecords(bytes, at, bytes, batch, sink)
    const records = decompressRecordsSync(bytes, at, DECOMPRESSED_BATCH_MAX_BYTES)
    dumpRecords(bytes, at, records, batch, sink)
  } catch (error) {
    if (!(error instanceof CorruptBatchError)) throw error
    sink.unreadable(batch, error.reason)
  }
}

function batchAt(bytes: Buffer, at: number, position: number): DumpedBatch {
  return {
    position,
    sizeBytes: batchSizeBytes(bytes, at),
    baseOffset: baseOffset(bytes, at),
    lastOffset: lastOffset(bytes, at),
    recordCount: recordCount(bytes, at),
    timestampType: isLogAppendTime(bytes, at) ? 'LogAppendTime' : 'CreateTime',
    timestamp: maxTimestamp(bytes, at),
    producerId: producerId(bytes, at),
    producerEpoch: producerEpoch(bytes, at),
    baseSequence: baseSequence(bytes, at),
    partitionLeaderEpoch: partitionLeaderEpoch(bytes, at),
    isTransactional: isTransactional(bytes, at),
    isControl: isControl(bytes, at),
    deleteHorizonMs: deleteHorizonMs(bytes, at),
    compression: compressionTypes[compressionCodec(bytes, at)] ?? 'none',
    magic: magic(bytes, at),
    crc: storedCrc(bytes, at),
  }
}

/** @param records what the spans are positions in: the batch itself, or its records decompressed */
function dumpRecords(bytes: Buffer, at: number, records: Buffer, batch: DumpedBatch, sink: DumpSink): void {
  const span = (start: number, end: number): Buffer | null => (start < 0 ? null : records.subarray(start, end))
  const recordSink = {
    // oxlint-disable-next-line max-params -- a RecordSink is handed numbers: no object is made of a record
    record(
      offset: number,
      timestamp: number,
      keyStart: number,
      keyEnd: number,
      valueStart: number,
      valueEnd: number,
      headersStart: number,
      headerCount: number,
    ): boolean {
      const headers: { name: string; value: Buffer | null }[] = []
      readHeaders(records, headersStart, headerCount, (nameStart, nameEnd, start, end) => {
        headers.push({ name: records.toString('utf8', nameStart, nameEnd), value: span(start, end) })
      })
      const sequence = sequenceOf(batch, offset)
      sink.record({
        offset,
        timestamp,
        sequence,
        key: span(keyStart, keyEnd),
        value: span(valueStart, valueEnd),
        headers,
      })
      return true
    },
  }
  if (records === bytes) readRecords(bytes, at, recordSink)
  else readDecompressedRecords(bytes, at, records, recordSink)
}

/** Sequences run on from the batch's, and begin anew behind 2^31 − 1. */
export function sequenceOf(batch: DumpedBatch, offset: number): number {
  return batch.baseSequence < 0 ? -1 : (batch.baseSequence + (offset - batch.baseOffset)) % 2 ** 31
}

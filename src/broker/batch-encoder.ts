import assert from 'node:assert/strict'
import { allocateBatch } from '../codec/batch-buffer.ts'
import { BATCH_HEADER_BYTES, type BatchProducer, writeBatchHeader } from '../codec/record-batch.ts'
import { firstRecordSize, recordBodySize, recordContentSize, writeRecordBody } from '../codec/record-batch-writer.ts'
import { varintSize, writeVarint } from '../codec/varint.ts'
import type { AppendPart, EncodedBatch } from './append-request.ts'
import type { RecordColumns } from './record-columns.ts'

/** The size of a batch that holds record i and nothing else. */
export function loneBatchSize(columns: RecordColumns, i: number): number {
  return BATCH_HEADER_BYTES + firstRecordSize(columns, i)
}

/**
 * Encodes the records of one request into record batches: for each partition its records in request order, cut into as
 * many batches as the limit asks for. One pass counts, one writes into buffers of exactly the right size.
 *
 * It keeps scratch arrays between calls, which are synchronous: one encoder serves all requests of a thread.
 */
export class BatchEncoder {
  /** By record: the number of its batch, and its recordBodySize. */
  #batchOf = new Int32Array(1024)
  #bodyBytes = new Int32Array(1024)
  /** By partition: the number of the batch that takes its next record, or −1. All −1 between two calls. */
  #openBatch = new Int32Array(64).fill(-1)
  /** By batch. */
  #partition = new Int32Array(1024)
  /** Of the batch before it in its partition, or −1. */
  #before = new Int32Array(1024)
  #sizeBytes = new Int32Array(1024)
  #recordCount = new Int32Array(1024)
  #baseTimestamp = new Float64Array(1024)
  #maxTimestamp = new Float64Array(1024)
  /** What of it is written. */
  #position = new Int32Array(1024)
  #written = new Int32Array(1024)

  /**
   * Every record has a partition below `partitionCount` and a timestamp, and fits a batch alone (`loneBatchSize`).
   *
   * @param maxBatchBytes header included
   * @param producer what the headers of all batches say; nobody if not given
   * @returns a part for each partition that has records, in the order of their first records
   */
  encode(
    columns: RecordColumns,
    partitionCount: number,
    maxBatchBytes: number,
    producer?: BatchProducer,
  ): AppendPart[] {
    if (columns.count === 1) return [encodeLone(columns, maxBatchBytes, producer)]
    this.#reserve(columns.count, partitionCount)
    const batchCount = this.#plan(columns, maxBatchBytes)
    const buffers = this.#write(columns, batchCount)
    return this.#join(buffers, producer)
  }

  /** Gives every record its batch; returns how many there are. */
  #plan(columns: RecordColumns, maxBatchBytes: number): number {
    let batchCount = 0
    try {
      for (let i = 0; i < columns.count; i++) {
        const contentBytes = recordContentSize(columns, i)
        const batch = this.#openBatch[columns.partition[i]!]!
        if (batch >= 0 && this.#takes(batch, columns, i, contentBytes, maxBatchBytes)) continue
        this.#open(batchCount, columns, i)
        const fits = this.#takes(batchCount, columns, i, contentBytes, maxBatchBytes)
        batchCount++
        assert(fits, 'the record fits no batch')
      }
    } finally {
      for (let batch = 0; batch < batchCount; batch++) this.#openBatch[this.#partition[batch]!] = -1
    }
    return batchCount
  }

  #open(batch: number, columns: RecordColumns, i: number): void {
    const partition = columns.partition[i]!
    this.#partition[batch] = partition
    this.#before[batch] = this.#openBatch[partition]!
    this.#openBatch[partition] = batch
    this.#sizeBytes[batch] = BATCH_HEADER_BYTES
    this.#recordCount[batch] = 0
    this.#baseTimestamp[batch] = this.#maxTimestamp[batch] = columns.timestamp[i]!
    this.#position[batch] = BATCH_HEADER_BYTES
    this.#written[batch] = 0
  }

  /** Adds a record to the batch if that stays within the limit. */
  #takes(batch: number, columns: RecordColumns, i: number, contentBytes: number, maxBatchBytes: number): boolean {
    const timestamp = columns.timestamp[i]!
    const recordCount = this.#recordCount[batch]!
    const bodyBytes = recordBodySize(contentBytes, timestamp - this.#baseTimestamp[batch]!, recordCount)
    const sizeBytes = this.#sizeBytes[batch]! + varintSize(bodyBytes) + bodyBytes
    if (sizeBytes > maxBatchBytes) return false
    this.#sizeBytes[batch] = sizeBytes
    this.#recordCount[batch] = recordCount + 1
    if (timestamp > this.#maxTimestamp[batch]!) this.#maxTimestamp[batch] = timestamp
    this.#batchOf[i] = batch
    this.#bodyBytes[i] = bodyBytes
    return true
  }

  #write(columns: RecordColumns, batchCount: number): Buffer[] {
    const buffers: Buffer[] = []
    for (let batch = 0; batch < batchCount; batch++) buffers.push(allocateBatch(this.#sizeBytes[batch]!))
    const { count, timestamp } = columns
    const batchOf = this.#batchOf
    const bodyBytes = this.#bodyBytes
    const position = this.#position
    const written = this.#written
    const baseTimestamp = this.#baseTimestamp
    for (let i = 0; i < count; i++) {
      const batch = batchOf[i]!
      const timestampDelta = timestamp[i]! - baseTimestamp[batch]!
      const offsetDelta = written[batch]!
      written[batch] = offsetDelta + 1
      const buffer = buffers[batch]!
      const bodyAt = writeVarint(buffer, position[batch]!, bodyBytes[i]!)
      position[batch] = writeRecordBody(buffer, bodyAt, columns, i, timestampDelta, offsetDelta)
    }
    return buffers
  }

  /** Seals the batches, and puts those of a partition together. */
  #join(buffers: readonly Buffer[], producer: BatchProducer | undefined): AppendPart[] {
    const parts: { partition: number; batches: EncodedBatch[] }[] = []
    // The records are written: by batch, the number of its part.
    const partOf = this.#position
    for (const [batch, bytes] of buffers.entries()) {
      const recordCount = this.#recordCount[batch]!
      const maxTimestamp = this.#maxTimestamp[batch]!
      const baseTimestamp = this.#baseTimestamp[batch]!
      writeBatchHeader(bytes, 0, bytes.length, { recordCount, baseTimestamp, maxTimestamp, producer })
      const before = this.#before[batch]!
      const sealed = { bytes, recordCount, maxTimestamp }
      if (before < 0) {
        partOf[batch] = parts.length
        parts.push({ partition: this.#partition[batch]!, batches: [sealed] })
      } else {
        partOf[batch] = partOf[before]!
        parts[partOf[before]!]!.batches.push(sealed)
      }
    }
    return parts
  }

  #reserve(recordCount: number, partitionCount: number): void {
    if (recordCount > this.#batchOf.length) {
      const capacity = recordCount * 2
      this.#batchOf = new Int32Array(capacity)
      this.#bodyBytes = new Int32Array(capacity)
      // At most, every record has its own batch.
      this.#partition = new Int32Array(capacity)
      this.#before = new Int32Array(capacity)
      this.#sizeBytes = new Int32Array(capacity)
      this.#recordCount = new Int32Array(capacity)
      this.#baseTimestamp = new Float64Array(capacity)
      this.#maxTimestamp = new Float64Array(capacity)
      this.#position = new Int32Array(capacity)
      this.#written = new Int32Array(capacity)
    }
    if (partitionCount > this.#openBatch.length) this.#openBatch = new Int32Array(partitionCount * 2).fill(-1)
  }
}

function encodeLone(columns: RecordColumns, maxBatchBytes: number, producer: BatchProducer | undefined): AppendPart {
  const bodyBytes = recordBodySize(recordContentSize(columns, 0), 0, 0)
  const sizeBytes = BATCH_HEADER_BYTES + varintSize(bodyBytes) + bodyBytes
  assert(sizeBytes <= maxBatchBytes, 'the record fits no batch')
  const bytes = allocateBatch(sizeBytes)
  writeRecordBody(bytes, writeVarint(bytes, BATCH_HEADER_BYTES, bodyBytes), columns, 0, 0, 0)
  const maxTimestamp = columns.timestamp[0]!
  writeBatchHeader(bytes, 0, sizeBytes, { recordCount: 1, baseTimestamp: maxTimestamp, maxTimestamp, producer })
  return { partition: columns.partition[0]!, batches: [{ bytes, recordCount: 1, maxTimestamp }] }
}

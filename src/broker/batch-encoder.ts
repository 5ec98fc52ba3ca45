import assert from 'node:assert/strict'
import { BATCH_HEADER_BYTES } from '../codec/record-batch.ts'
import { RecordBatchWriter, firstRecordSize, recordContentSize, recordSize } from '../codec/record-batch-writer.ts'
import type { AppendPart, EncodedBatch } from './engine.ts'
import type { RecordColumns } from './record-columns.ts'

/** What the first pass found out about a batch to be written. */
interface BatchPlan {
  readonly partition: number
  readonly baseTimestamp: number
  sizeBytes: number
  recordCount: number
}

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
  /** By record: the number of its plan, and the bytes that do not depend on where it stands. */
  #planOf = new Int32Array(1024)
  #contentBytes = new Int32Array(1024)
  /** By partition: the number of the plan that takes its next record, or −1. All −1 between two calls. */
  #openPlan = new Int32Array(64).fill(-1)

  /**
   * Every record has a partition below `partitionCount` and a timestamp, and fits a batch alone (`loneBatchSize`).
   *
   * @param maxBatchBytes header included
   * @returns a part for each partition that has records, in the order of their first records
   */
  encode(columns: RecordColumns, partitionCount: number, maxBatchBytes: number): AppendPart[] {
    if (columns.count === 1) return [encodeLone(columns, maxBatchBytes)]
    this.#reserve(columns.count, partitionCount)
    const plans = this.#plan(columns, maxBatchBytes)
    return joinParts(plans, this.#write(columns, plans))
  }

  #plan(columns: RecordColumns, maxBatchBytes: number): BatchPlan[] {
    const plans: BatchPlan[] = []
    try {
      for (let i = 0; i < columns.count; i++) this.#planRecord(plans, columns, i, maxBatchBytes)
    } finally {
      for (const plan of plans) this.#openPlan[plan.partition] = -1
    }
    return plans
  }

  #planRecord(plans: BatchPlan[], columns: RecordColumns, i: number, maxBatchBytes: number): void {
    const partition = columns.partition[i]!
    const baseTimestamp = columns.timestamp[i]!
    const contentBytes = recordContentSize(columns, i)
    let number = this.#openPlan[partition]!
    if (number < 0 || !takes(plans[number]!, contentBytes, baseTimestamp, maxBatchBytes)) {
      const plan = { partition, baseTimestamp, sizeBytes: BATCH_HEADER_BYTES, recordCount: 0 }
      number = plans.push(plan) - 1
      this.#openPlan[partition] = number
      assert(takes(plan, contentBytes, baseTimestamp, maxBatchBytes), 'the record fits no batch')
    }
    this.#planOf[i] = number
    this.#contentBytes[i] = contentBytes
  }

  #write(columns: RecordColumns, plans: readonly BatchPlan[]): EncodedBatch[] {
    const writers = plans.map((plan) => new RecordBatchWriter(plan.sizeBytes))
    for (let i = 0; i < columns.count; i++) writers[this.#planOf[i]!]!.append(columns, i, this.#contentBytes[i])
    return writers.map((writer) => writer.seal())
  }

  #reserve(recordCount: number, partitionCount: number): void {
    if (recordCount > this.#planOf.length) {
      this.#planOf = new Int32Array(recordCount * 2)
      this.#contentBytes = new Int32Array(recordCount * 2)
    }
    if (partitionCount > this.#openPlan.length) this.#openPlan = new Int32Array(partitionCount * 2).fill(-1)
  }
}

function encodeLone(columns: RecordColumns, maxBatchBytes: number): AppendPart {
  const sizeBytes = loneBatchSize(columns, 0)
  assert(sizeBytes <= maxBatchBytes, 'the record fits no batch')
  const writer = new RecordBatchWriter(sizeBytes)
  writer.append(columns, 0)
  return { partition: columns.partition[0]!, batches: [writer.seal()] }
}

/** Adds a record to the plan if the batch stays within the limit. */
function takes(plan: BatchPlan, contentBytes: number, timestamp: number, maxBatchBytes: number): boolean {
  const sizeBytes = plan.sizeBytes + recordSize(contentBytes, timestamp - plan.baseTimestamp, plan.recordCount)
  if (sizeBytes > maxBatchBytes) return false
  plan.sizeBytes = sizeBytes
  plan.recordCount++
  return true
}

function joinParts(plans: readonly BatchPlan[], batches: readonly EncodedBatch[]): AppendPart[] {
  const byPartition = new Map<number, EncodedBatch[]>()
  for (const [number, { partition }] of plans.entries()) {
    const batch = batches[number]!
    const own = byPartition.get(partition)
    if (own === undefined) byPartition.set(partition, [batch])
    else own.push(batch)
  }
  return Array.from(byPartition, ([partition, own]) => ({ partition, batches: own }))
}

import assert from 'node:assert/strict'
import { BrokerError, type BrokerErrorOptions } from '../../src/broker/broker-error.ts'
import type { AppendResult, EncodedBatch } from '../../src/broker/append-request.ts'
import type { Engine, PartitionRead, ReadPosition } from '../../src/broker/engine.ts'
import type { ErrorCode } from '../../src/broker/error-catalogue.ts'
import { batchSizeBytes } from '../../src/codec/record-batch.ts'
import { decodeBatch, encodeBatch } from './record-spans.ts'

/** A time that looks like one. */
export const EPOCH_MS = 1_700_000_000_000

/** One batch of text values; record i has the timestamp `fromMs` + i. */
export function batchOf(values: readonly string[], fromMs = EPOCH_MS): EncodedBatch {
  const bytes = encodeBatch(
    values.map((value, index) => ({ key: null, value: Buffer.from(value), timestamp: fromMs + index })),
  )
  return { bytes, recordCount: values.length, maxTimestamp: fromMs + values.length - 1 }
}

/** Publishes texts to partitions in one request. */
export function publish(
  engine: Engine,
  topic: string,
  values: Readonly<Record<number, readonly string[]>>,
  acks: 'all' | '1' | '0' = 'all',
): Promise<AppendResult> {
  const parts = Object.entries(values).map(([partition, texts]) => ({
    partition: Number(partition),
    batches: [batchOf(texts)],
  }))
  return engine.append({ topic, parts, acks })
}

export interface TextRecord {
  readonly offset: number
  readonly value: string
  readonly timestamp: number
}

/** The records of a read from the offset asked for on, their batches checked to be whole. */
export function recordsOf(read: PartitionRead | undefined, fromOffset = 0): TextRecord[] {
  assert.ok(read)
  assert.equal(read.error, undefined)
  const records: TextRecord[] = []
  for (const buffer of read.batches) {
    for (let at = 0; at < buffer.length; at += batchSizeBytes(buffer, at)) {
      for (const { offset, value, timestamp } of decodeBatch(buffer.subarray(at))) {
        if (offset >= fromOffset) records.push({ offset, value: String(value), timestamp })
      }
    }
  }
  return records
}

export function valuesOf(read: PartitionRead | undefined, fromOffset = 0): string[] {
  return recordsOf(read, fromOffset).map(({ value }) => value)
}

/** One position, at once, without a limit that would matter. */
export async function readFrom(engine: Engine, position: ReadPosition): Promise<PartitionRead> {
  const { partitions } = await engine.read({ positions: [position], maxBytes: 64 * 1024 * 1024, waitMs: 0 })
  const [read] = partitions
  assert.ok(read)
  return read
}

/** All values of a partition, page by page. */
export async function allValues(
  engine: Engine,
  topic: string,
  partition: number,
  maxBytes = 100_000,
): Promise<string[]> {
  const values: string[] = []
  let offset = 0
  for (;;) {
    const { partitions } = await engine.read({ positions: [{ topic, partition, offset }], maxBytes, waitMs: 0 })
    const records = recordsOf(partitions[0], offset)
    if (records.length === 0) return values
    for (const { value } of records) values.push(value)
    offset = (records.at(-1)?.offset ?? 0) + 1
  }
}

/** A check for `assert.rejects` and entries with errors. */
export function brokerError(code: ErrorCode, options: BrokerErrorOptions = {}): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof BrokerError, String(error))
    assert.equal(error.code, code, error.message)
    for (const [name, value] of Object.entries(options)) {
      assert.deepEqual(Object.entries(error.options).find(([key]) => key === name)?.[1], value, `${name} of ${code}`)
    }
    return true
  }
}

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RecordSpans, RecordBatchWriter } from '../src/codec/record-batch-writer.ts'

export const JSON_TYPE = 'application/json'
export const BATCHES_TYPE = 'application/vnd.kafka.record-batches'
export const VALUE_BYTES = 100
export const BATCH_RECORDS = 1000

/** A value of exactly 100 bytes of JSON, as an order might look. */
export function orderValue(number: number): string {
  const start = `{"order":${number},"total":12.50,"currency":"EUR","note":"`
  return `${start}${'x'.repeat(VALUE_BYTES - start.length - 2)}"}`
}

/** A publish body of so many records, with keys that spread over all partitions. */
export function jsonBody(recordCount: number): string {
  const records = Array.from(
    { length: recordCount },
    (_, index) => `{"key":"user-${index}","value":${orderValue(1_000_000 + index)}}`,
  )
  return `{"records":[${records.join(',')}]}`
}

export function writeJsonBody(folder: string, recordCount: number): { file: string; contentType: string } {
  const file = join(folder, `body-${recordCount}.json`)
  writeFileSync(file, jsonBody(recordCount))
  return { file, contentType: JSON_TYPE }
}

/** So many record batches one behind the other, each of 1000 of the same records. */
export function writeBatchesBody(folder: string, batchCount: number): { file: string; contentType: string } {
  const file = join(folder, `body-${batchCount}.batches`)
  writeFileSync(file, Buffer.concat(Array.from({ length: batchCount }, () => recordBatch(BATCH_RECORDS))))
  return { file, contentType: BATCHES_TYPE }
}

/** An uncompressed record batch v2 with the records of `jsonBody`. */
export function recordBatch(recordCount: number): Buffer {
  const records = Array.from({ length: recordCount }, (_, index) => ({
    key: `user-${index}`,
    value: orderValue(1_000_000 + index),
  }))
  const spans = spansOf(records)
  const writer = new RecordBatchWriter(spans.bytes.length * 2)
  for (let i = 0; i < recordCount; i++) writer.append(spans, i)
  return Buffer.from(writer.seal().bytes)
}

/** Keys and values in turn, all ASCII. */
function spansOf(records: readonly { readonly key: string; readonly value: string }[]): RecordSpans {
  const texts = records.flatMap(({ key, value }) => [key, value])
  const ends: number[] = []
  for (const text of texts) ends.push((ends.at(-1) ?? 0) + text.length)
  const column = (at: (record: number) => number): Int32Array => Int32Array.from(records, (_, index) => at(index))
  return {
    bytes: Buffer.from(texts.join(''), 'latin1'),
    timestamp: new Float64Array(records.length).fill(Date.now()),
    keyStart: column((i) => ends[i * 2 - 1] ?? 0),
    keyEnd: column((i) => ends[i * 2] ?? 0),
    valueStart: column((i) => ends[i * 2] ?? 0),
    valueEnd: column((i) => ends[i * 2 + 1] ?? 0),
    headerFrom: new Int32Array(records.length + 1),
    headerNameStart: new Int32Array(),
    headerNameEnd: new Int32Array(),
    headerValueStart: new Int32Array(),
    headerValueEnd: new Int32Array(),
  }
}

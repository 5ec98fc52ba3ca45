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

/** Request bodies of one length, in files, which requests carry in turn. */
export interface BodySet {
  readonly files: readonly string[]
  readonly contentType: string
}

/** Keys are of one length, so that bodies of as many records are. */
function keyOf(index: number): string {
  return `user-${1000 + index}`
}

/** A publish body of so many records, the ones from number `first` on; each has a key of its own. */
export function jsonBody(recordCount: number, first = 0): string {
  const records = Array.from(
    { length: recordCount },
    (_, index) => `{"key":"${keyOf(first + index)}","value":${orderValue(1_000_000 + first + index)}}`,
  )
  return `{"records":[${records.join(',')}]}`
}

/**
 * Bodies of different keys: the fewer records a request has, the more bodies it takes until all partitions are written
 * to alike. 1000 records do that in one body, which costs the generator least.
 */
export function jsonBodies(recordCount: number): string[] {
  const count = recordCount >= 1000 ? 1 : recordCount >= 100 ? 8 : 64
  return Array.from({ length: count }, (_, index) => jsonBody(recordCount, index * recordCount))
}

export function writeJsonBodies(folder: string, recordCount: number): BodySet {
  const files = jsonBodies(recordCount).map((body, index) => {
    const file = join(folder, `body-${recordCount}-${index}.json`)
    writeFileSync(file, body)
    return file
  })
  return { files, contentType: JSON_TYPE }
}

/** One body: so many record batches one behind the other, each of 1000 of the same records. */
export function batchesBody(batchCount: number): Buffer<ArrayBuffer> {
  return Buffer.concat(Array.from({ length: batchCount }, () => recordBatch(BATCH_RECORDS)))
}

export function writeBatchesBody(folder: string, batchCount: number): BodySet {
  const file = join(folder, `body-${batchCount}.batches`)
  writeFileSync(file, batchesBody(batchCount))
  return { files: [file], contentType: BATCHES_TYPE }
}

/** An uncompressed record batch v2 with the records of `jsonBody`. */
export function recordBatch(recordCount: number): Buffer {
  const records = Array.from({ length: recordCount }, (_, index) => ({
    key: keyOf(index),
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

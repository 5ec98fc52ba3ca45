import * as fc from 'fast-check'
import { RecordColumns } from '../../src/broker/record-columns.ts'
import { decompressBatchSync } from '../../src/codec/compressed-batch.ts'
import { RecordBatchWriter } from '../../src/codec/record-batch-writer.ts'
import { readHeaders, readRecords } from '../../src/codec/record-reader.ts'

/** A record as a test writes it down. */
export interface PlainRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestamp?: number
  readonly partition?: number
  readonly headers?: readonly { readonly name: Buffer; readonly value: Buffer | null }[]
}

/** Lays records out as columns over one buffer, as a parser of a request body would. */
export function columnsOf(records: readonly PlainRecord[]): RecordColumns {
  const chunks: Buffer[] = []
  let size = 0
  const place = (bytes: Buffer | null): [number, number] => {
    if (bytes === null) return [-1, -1]
    const start = size
    chunks.push(bytes)
    size += bytes.length
    return [start, size]
  }
  const columns = new RecordColumns(Buffer.alloc(0), 1)
  for (const record of records) {
    const i = columns.addRecord()
    const [keyStart, keyEnd] = place(record.key)
    const [valueStart, valueEnd] = place(record.value)
    columns.keyStart[i] = keyStart
    columns.keyEnd[i] = keyEnd
    columns.valueStart[i] = valueStart
    columns.valueEnd[i] = valueEnd
    columns.timestamp[i] = record.timestamp ?? -1
    columns.partition[i] = record.partition ?? -1
    for (const header of record.headers ?? []) columns.addHeader(...place(header.name), ...place(header.value))
  }
  columns.bytes = Buffer.concat(chunks)
  return columns
}

const anyBytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array))

/** Any record with a timestamp. */
export const anyRecord: fc.Arbitrary<Required<Omit<PlainRecord, 'partition'>>> = fc.record(
  {
    key: fc.option(anyBytes),
    value: fc.option(anyBytes),
    timestamp: fc.oneof(
      fc.integer({ min: 0, max: 2_000_000_000_000 }),
      fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
      fc.maxSafeNat(),
    ),
    headers: fc.array(fc.record({ name: anyBytes, value: fc.option(anyBytes) }, { noNullPrototype: true }), {
      maxLength: 3,
    }),
  },
  { noNullPrototype: true },
)

/** One sealed batch of these records. */
export function encodeBatch(records: readonly PlainRecord[]): Buffer {
  const columns = columnsOf(records)
  const writer = new RecordBatchWriter(0)
  for (let i = 0; i < records.length; i++) writer.append(columns, i)
  return writer.seal().bytes
}

export interface StoredRecord extends Required<Omit<PlainRecord, 'partition'>> {
  readonly offset: number
}

/** All records of the batch at the start of the buffer, however it is compressed. */
export function decodeBatch(batch: Buffer): StoredRecord[] {
  const bytes = decompressBatchSync(batch, 0, 64 * 1024 * 1024)
  const records: StoredRecord[] = []
  const span = (start: number, end: number) => (start < 0 ? null : Buffer.from(bytes.subarray(start, end)))
  readRecords(bytes, 0, {
    // oxlint-disable-next-line max-params
    record(offset, timestamp, keyStart, keyEnd, valueStart, valueEnd, headersStart, headerCount) {
      const headers: { name: Buffer; value: Buffer | null }[] = []
      readHeaders(bytes, headersStart, headerCount, (nameStart, nameEnd, headerStart, headerEnd) => {
        headers.push({ name: Buffer.from(bytes.subarray(nameStart, nameEnd)), value: span(headerStart, headerEnd) })
      })
      records.push({ offset, timestamp, key: span(keyStart, keyEnd), value: span(valueStart, valueEnd), headers })
      return true
    },
  })
  return records
}

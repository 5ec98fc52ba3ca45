import { RecordColumns } from '../../../src/broker/record-columns.ts'
import type { RecordFormat } from '../../../src/http/json/record-format.ts'
import { renderRecord } from '../../../src/http/json/render-records.ts'

export type Bytes = Buffer | string | null

export interface StoredRecord {
  readonly key?: Bytes
  readonly value?: Bytes
  readonly headers?: readonly (readonly [Bytes, Bytes])[]
  readonly offset?: number
  readonly timestamp?: number
}

/** Columns as the read path fills them: spans of one buffer, with other bytes in between. */
export function columnsOf(records: readonly StoredRecord[]): RecordColumns {
  const pieces: Buffer[] = []
  let length = 0
  const place = (bytes: Bytes | undefined): [number, number] => {
    if (bytes === null || bytes === undefined) return [-1, -1]
    const piece = Buffer.from(bytes)
    pieces.push(Buffer.from('"\xff\\', 'latin1'), piece)
    const start = length + 3
    length = start + piece.length
    return [start, length]
  }
  const columns = new RecordColumns(Buffer.of(), 1)
  for (const { key, value, headers = [], offset = 0, timestamp = -1 } of records) {
    const i = columns.addRecord()
    ;[columns.keyStart[i], columns.keyEnd[i]] = place(key)
    ;[columns.valueStart[i], columns.valueEnd[i]] = place(value)
    columns.offset[i] = offset
    columns.timestamp[i] = timestamp
    for (const [name, headerValue] of headers) columns.addHeader(...place(name), ...place(headerValue))
  }
  columns.bytes = Buffer.concat([...pieces, Buffer.from('"}]')])
  return columns
}

export function formats(format: RecordFormat): { keyFormat: RecordFormat; valueFormat: RecordFormat } {
  return { keyFormat: format, valueFormat: format }
}

export function render(record: StoredRecord, format: RecordFormat = 'auto'): string {
  return renderRecord('orders', 3, columnsOf([record]), 0, formats(format)).toString()
}

/** The text of the value member, and of its encoding, if any. */
export function valueText(value: Bytes, format: RecordFormat = 'auto'): string {
  const text = render({ value }, format)
  JSON.parse(text)
  const start = text.indexOf('"value":') + '"value":'.length
  return text.slice(start, text.lastIndexOf(',"headers"'))
}

export function base64(bytes: Buffer | string): string {
  return `"${Buffer.from(bytes).toString('base64')}","valueEncoding":"base64"`
}

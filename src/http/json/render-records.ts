import type { RecordColumns } from '../../broker/record-columns.ts'
import { CLOSE_BRACE, CLOSE_BRACKET, COMMA } from './json-bytes.ts'
import { JsonWriter } from './json-writer.ts'
import { PartRenderer } from './part-renderer.ts'
import type { RecordFormats } from './record-format.ts'

const pageStart = Buffer.from('{"records":[')
const timestampMember = Buffer.from(',"timestamp":')
const keyMember = Buffer.from(',"key":')
const keyEncodingMember = Buffer.from(',"keyEncoding":"base64"')
const valueMember = Buffer.from(',"value":')
const valueEncodingMember = Buffer.from(',"valueEncoding":"base64"')
const noHeaders = Buffer.from(',"headers":[]}')
const headersMember = Buffer.from(',"headers":[')
const nameMember = Buffer.from('{"name":')
const nullText = Buffer.from('null')

/** A page of records: `{"records":[…],…}`, written record by record from columns. */
export class RecordsPage {
  readonly #formats: RecordFormats
  readonly #writer: JsonWriter
  /** Records on the page so far. */
  recordCount = 0

  /** @param expectedBytes a first guess at the size of the page */
  constructor(formats: RecordFormats, expectedBytes = 16_384) {
    this.#formats = formats
    this.#writer = new JsonWriter(expectedBytes)
    this.#writer.writeBytes(pageStart)
  }

  /** Bytes of the page so far. */
  get sizeBytes(): number {
    return this.#writer.length
  }

  /** Adds records [from, to) of one partition. */
  append(topic: string, partition: number, columns: RecordColumns, from = 0, to = columns.count): void {
    if (from >= to) return
    const renderer = new RecordRenderer(this.#writer, this.#formats, topic, partition, columns)
    for (let record = from; record < to; record++) {
      if (this.recordCount++ > 0) this.#writer.writeByte(COMMA)
      renderer.write(record)
    }
  }

  /** Ends the page with further members, of which there is at least one: cursor, bounds. The page is not used again. */
  finish(members: Readonly<Record<string, unknown>>): Buffer {
    const writer = this.#writer
    writer.writeByte(CLOSE_BRACKET)
    const text = JSON.stringify(members).slice(1, -1)
    if (text !== '') writer.writeText(`,${text}`)
    writer.writeByte(CLOSE_BRACE)
    return writer.bytes()
  }
}

/** One record alone. */
export function renderRecord(
  topic: string,
  partition: number,
  columns: RecordColumns,
  record: number,
  formats: RecordFormats,
): Buffer {
  const writer = new JsonWriter(1024)
  new RecordRenderer(writer, formats, topic, partition, columns).write(record)
  return writer.bytes()
}

/** Writes records of one partition. */
class RecordRenderer {
  readonly #writer: JsonWriter
  readonly #formats: RecordFormats
  readonly #columns: RecordColumns
  readonly #parts: PartRenderer
  /** The same for every record: `{"topic":"orders","partition":3,"offset":`. */
  readonly #start: Buffer

  constructor(writer: JsonWriter, formats: RecordFormats, topic: string, partition: number, columns: RecordColumns) {
    this.#writer = writer
    this.#formats = formats
    this.#columns = columns
    this.#parts = new PartRenderer(writer, columns.bytes)
    this.#start = Buffer.from(`{"topic":${JSON.stringify(topic)},"partition":${partition},"offset":`)
  }

  write(record: number): void {
    const writer = this.#writer
    const columns = this.#columns
    const { keyFormat, valueFormat } = this.#formats
    writer.writeBytes(this.#start)
    writer.writeInteger(columns.offset[record]!)
    writer.writeBytes(timestampMember)
    writer.writeInteger(columns.timestamp[record]!)
    writer.writeBytes(keyMember)
    const keyStart = columns.keyStart[record]!
    if (keyStart < 0) writer.writeBytes(nullText)
    else if (!this.#parts.write(keyStart, columns.keyEnd[record]!, keyFormat)) writer.writeBytes(keyEncodingMember)
    writer.writeBytes(valueMember)
    const valueStart = columns.valueStart[record]!
    if (valueStart < 0) writer.writeBytes(nullText)
    else if (!this.#parts.write(valueStart, columns.valueEnd[record]!, valueFormat)) {
      writer.writeBytes(valueEncodingMember)
    }
    const headersEnd = columns.headerFrom[record + 1]!
    if (columns.headerFrom[record] === headersEnd) writer.writeBytes(noHeaders)
    else this.#writeHeaders(columns.headerFrom[record]!, headersEnd)
  }

  #writeHeaders(from: number, to: number): void {
    const writer = this.#writer
    const columns = this.#columns
    writer.writeBytes(headersMember)
    for (let header = from; header < to; header++) {
      if (header > from) writer.writeByte(COMMA)
      writer.writeBytes(nameMember)
      this.#writeName(columns.headerNameStart[header]!, columns.headerNameEnd[header]!)
      writer.writeBytes(valueMember)
      const start = columns.headerValueStart[header]!
      if (start < 0) writer.writeBytes(nullText)
      else if (!this.#parts.write(start, columns.headerValueEnd[header]!, 'string')) {
        writer.writeBytes(valueEncodingMember)
      }
      writer.writeByte(CLOSE_BRACE)
    }
    writer.writeByte(CLOSE_BRACKET)
    writer.writeByte(CLOSE_BRACE)
  }

  /** A name has no encoding to fall back to: bytes that are not UTF-8 are shown as U+FFFD. */
  #writeName(start: number, end: number): void {
    const writer = this.#writer
    const before = writer.length
    if (this.#parts.write(start, end, 'string')) return
    writer.length = before
    writer.writeValue(this.#columns.bytes.toString('utf8', start, end))
  }
}

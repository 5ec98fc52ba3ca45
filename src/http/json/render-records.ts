import type { PageSink } from '../../broker/page-reader.ts'
import type { RecordColumns } from '../../broker/record-columns.ts'
import type { HeldReply } from '../reply-admission.ts'
import { CLOSE_BRACE, CLOSE_BRACKET, COMMA, LINE_FEED } from './json-bytes.ts'
import { JsonText, JsonWriter } from './json-writer.ts'
import { PartRenderer } from './part-renderer.ts'
import type { RecordFormats } from './record-format.ts'

const pageStart = new JsonText('{"records":[')
const timestampMember = new JsonText(',"timestamp":')
const keyMember = new JsonText(',"key":')
const keyEncodingMember = new JsonText(',"keyEncoding":"base64"')
const valueMember = new JsonText(',"value":')
const valueEncodingMember = new JsonText(',"valueEncoding":"base64"')
const noHeaders = new JsonText(',"headers":[]}')
const headersMember = new JsonText(',"headers":[')
const nameMember = new JsonText('{"name":')
const nullText = new JsonText('null')

/** Room for a cursor and bounds. */
const EMPTY_PAGE_BYTES = 1024

/** A page of records: `{"records":[…],…}`, written record by record from columns. */
export class RecordsPage implements PageSink {
  readonly #formats: RecordFormats
  readonly #held: HeldReply | undefined
  readonly #expectedBytes: number
  /** Made with the first records: a page that waits for them takes no memory. */
  #writer: JsonWriter | undefined
  #renderer: RecordRenderer | undefined
  /** Records on the page so far. */
  recordCount = 0

  /**
   * @param held told of the page's memory as it grows
   * @param expectedBytes a first guess at the size of the page
   */
  constructor(formats: RecordFormats, held?: HeldReply, expectedBytes = 16_384) {
    this.#formats = formats
    this.#held = held
    this.#expectedBytes = expectedBytes
  }

  /** All pages together have no room for more. */
  get isFull(): boolean {
    return this.#held?.isFull === true
  }

  /** All records given so far are void. */
  discard(): void {
    if (this.#writer !== undefined) this.#writer.length = pageStart.length
    this.recordCount = 0
  }

  /** Adds records of one partition. The columns are not kept. Throws SERVER_OVERLOADED where there is no room for any. */
  records(topic: string, partition: number, columns: RecordColumns): void {
    if (this.recordCount === 0) this.#held?.refuseIfFull()
    const writer = this.#started(this.#expectedBytes)
    if (this.#renderer?.isOf(topic, partition) !== true) {
      this.#renderer = new RecordRenderer(writer, this.#formats, topic, partition)
    }
    const renderer = this.#renderer
    for (let record = 0; record < columns.count; record++) {
      if (this.recordCount++ > 0) writer.writeByte(COMMA)
      renderer.write(columns, record)
    }
    this.#held?.resize(writer.capacityBytes)
  }

  /** Ends the page with further members, of which there is at least one: cursor, bounds. The page is not used again. */
  finish(members: Readonly<Record<string, unknown>>): Buffer {
    const writer = this.#started(EMPTY_PAGE_BYTES)
    writer.writeByte(CLOSE_BRACKET)
    const text = JSON.stringify(members).slice(1, -1)
    if (text !== '') writer.writeText(`,${text}`)
    writer.writeByte(CLOSE_BRACE)
    return writer.bytes()
  }

  #started(expectedBytes: number): JsonWriter {
    if (this.#writer !== undefined) return this.#writer
    const writer = new JsonWriter(expectedBytes)
    writer.write(pageStart)
    this.#writer = writer
    return writer
  }
}

/** A page of records as lines (NDJSON), each one JSON object. */
export class LinesPage implements PageSink {
  readonly #formats: RecordFormats
  readonly #writer: JsonWriter
  readonly #held: HeldReply | undefined
  #renderer: RecordRenderer | undefined

  /** @param held told of the page's memory as it grows */
  constructor(formats: RecordFormats, held?: HeldReply, expectedBytes = 16_384) {
    this.#formats = formats
    this.#held = held
    this.#writer = new JsonWriter(expectedBytes)
  }

  /** All pages together have no room for more. */
  get isFull(): boolean {
    return this.#held?.isFull === true
  }

  /** Adds records of one partition. The columns are not kept. Throws SERVER_OVERLOADED where there is no room for any. */
  records(topic: string, partition: number, columns: RecordColumns): void {
    if (this.#writer.length === 0) this.#held?.refuseIfFull()
    if (this.#renderer?.isOf(topic, partition) !== true) {
      this.#renderer = new RecordRenderer(this.#writer, this.#formats, topic, partition, true)
    }
    const renderer = this.#renderer
    for (let record = 0; record < columns.count; record++) {
      renderer.write(columns, record)
      this.#writer.writeByte(LINE_FEED)
    }
    this.#held?.resize(this.#writer.capacityBytes)
  }

  /** The page is not used again. */
  finish(): Buffer {
    return this.#writer.bytes()
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
  new RecordRenderer(writer, formats, topic, partition).write(columns, record)
  return writer.bytes()
}

/** Writes records of one partition. */
export class RecordRenderer {
  readonly #writer: JsonWriter
  readonly #formats: RecordFormats
  readonly #topic: string
  readonly #partition: number
  readonly #parts: PartRenderer
  /** The same for every record: `{"topic":"orders","partition":3,"offset":`. */
  readonly #start: JsonText

  constructor(writer: JsonWriter, formats: RecordFormats, topic: string, partition: number, onOneLine = false) {
    this.#writer = writer
    this.#formats = formats
    this.#topic = topic
    this.#partition = partition
    this.#parts = new PartRenderer(writer, onOneLine)
    this.#start = new JsonText(`{"topic":${JSON.stringify(topic)},"partition":${partition},"offset":`)
  }

  isOf(topic: string, partition: number): boolean {
    return partition === this.#partition && topic === this.#topic
  }

  write(columns: RecordColumns, record: number): void {
    const writer = this.#writer
    this.#parts.use(columns.bytes)
    const { keyFormat, valueFormat } = this.#formats
    writer.write(this.#start)
    writer.writeInteger(columns.offset[record]!)
    writer.write(timestampMember)
    writer.writeInteger(columns.timestamp[record]!)
    writer.write(keyMember)
    const keyStart = columns.keyStart[record]!
    if (keyStart < 0) writer.write(nullText)
    else if (!this.#parts.write(keyStart, columns.keyEnd[record]!, keyFormat)) writer.write(keyEncodingMember)
    writer.write(valueMember)
    const valueStart = columns.valueStart[record]!
    if (valueStart < 0) writer.write(nullText)
    else if (!this.#parts.write(valueStart, columns.valueEnd[record]!, valueFormat)) {
      writer.write(valueEncodingMember)
    }
    const headersEnd = columns.headerFrom[record + 1]!
    if (columns.headerFrom[record] === headersEnd) writer.write(noHeaders)
    else this.#writeHeaders(columns, columns.headerFrom[record]!, headersEnd)
  }

  #writeHeaders(columns: RecordColumns, from: number, to: number): void {
    const writer = this.#writer
    writer.write(headersMember)
    for (let header = from; header < to; header++) {
      if (header > from) writer.writeByte(COMMA)
      writer.write(nameMember)
      this.#writeName(columns.bytes, columns.headerNameStart[header]!, columns.headerNameEnd[header]!)
      writer.write(valueMember)
      const start = columns.headerValueStart[header]!
      if (start < 0) writer.write(nullText)
      else if (!this.#parts.write(start, columns.headerValueEnd[header]!, 'string')) {
        writer.write(valueEncodingMember)
      }
      writer.writeByte(CLOSE_BRACE)
    }
    writer.writeByte(CLOSE_BRACKET)
    writer.writeByte(CLOSE_BRACE)
  }

  /** A name has no encoding to fall back to: bytes that are not UTF-8 are shown as U+FFFD. */
  #writeName(source: Buffer, start: number, end: number): void {
    const writer = this.#writer
    const before = writer.length
    if (this.#parts.write(start, end, 'string')) return
    writer.length = before
    writer.writeValue(source.toString('utf8', start, end))
  }
}

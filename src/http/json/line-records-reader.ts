import { isUtf8 } from 'node:buffer'
import type { RecordColumns } from '../../broker/record-columns.ts'
import { ExactRecordReader } from './exact-record-reader.ts'
import { excerpt } from './body-excerpt.ts'
import { CARRIAGE_RETURN, LINE_FEED, OPEN_BRACE, SPACE, TAB } from './json-bytes.ts'
import { PendingDecodings } from './pending-decodings.ts'
import { PlainRecordsReader } from './plain-records-reader.ts'
import type { PublishBodyOptions } from './publish-body-options.ts'
import { jsonType, RecordPart } from './record-part.ts'
import { RequestCursor, startsWithByteOrderMark } from './request-cursor.ts'
import { RequestFaults } from './request-faults.ts'

/** What it reads, and how far it came. */
export interface LinesToRead {
  /** Over all bytes of the lines; records are added. */
  readonly columns: RecordColumns
  /** By record: its line, counted from the first of these lines. */
  readonly lineOf: Int32Array
  /** The first byte that is not read yet: a line begins there. */
  position: number
  /** Of the first line, in the whole stream, from 1 on. */
  readonly firstLine: number
  /** Lines read so far, with and without a record. */
  lineCount: number
}

// Reading is synchronous: these serve all requests.
const plain = new PlainRecordsReader()
const plainPending = new PendingDecodings()
const exactPending = new PendingDecodings()

/**
 * Reads records of which each is a line. Lines of white space are none. Records as nearly all clients write them are read
 * the fast way, each other one member by member.
 */
export class LineRecordsReader {
  readonly #options: PublishBodyOptions

  /** @param options of which `maxRecords` bounds the records read into one set of columns */
  constructor(options: PublishBodyOptions) {
    this.#options = options
  }

  /**
   * Reads the lines up to `end`, where one ends, or up to the last record that may be added. Escapes and base64 are
   * decoded in place.
   *
   * @throws BrokerError for a line that is no record: those before it are in the columns, it is not, nor is it counted
   */
  read(lines: LinesToRead, end: number): void {
    const { columns } = lines
    const isText = isUtf8(columns.bytes.subarray(lines.position, end))
    const isPlain = plain.beginLines(columns.bytes, this.#options) && isText
    plainPending.clear()
    try {
      this.#readLines(lines, end, isPlain)
    } finally {
      if (!plainPending.isEmpty) plainPending.apply(columns, new RequestFaults())
    }
  }

  #readLines(lines: LinesToRead, end: number, isPlain: boolean): void {
    const { columns, lineOf } = lines
    const { bytes } = columns
    const { maxRecords } = this.#options
    let exact: ExactLineReader | undefined
    // RFC 8259 §8.1 lets a parser ignore it.
    if (lines.firstLine + lines.lineCount === 1 && startsWithByteOrderMark(bytes)) lines.position = 3
    while (lines.position < end && columns.count < maxRecords) {
      const feedAt = bytes.indexOf(LINE_FEED, lines.position)
      const lineEnd = feedAt < 0 || feedAt >= end ? end : feedAt
      let start = lines.position
      if (bytes[start] !== OPEN_BRACE) start = blankEnd(bytes, start, lineEnd)
      if (start < lineEnd) {
        if (!isPlain || !plain.readLine(columns, start, lineEnd, plainPending)) {
          exact ??= new ExactLineReader(columns, this.#options)
          exact.read(start, lineEnd, lines.firstLine + lines.lineCount)
        }
        lineOf[columns.count - 1] = lines.lineCount
      }
      lines.lineCount++
      lines.position = Math.min(lineEnd + 1, end)
    }
  }
}

class ExactLineReader {
  readonly #columns: RecordColumns
  readonly #cursor: RequestCursor
  readonly #faults = new RequestFaults()
  readonly #records: ExactRecordReader
  readonly #other = new RecordPart()

  constructor(columns: RecordColumns, options: PublishBodyOptions) {
    this.#columns = columns
    const cursor = new RequestCursor(columns.bytes, 'line')
    this.#cursor = cursor
    this.#records = new ExactRecordReader({ options, cursor, columns, faults: this.#faults, pending: exactPending })
  }

  read(start: number, end: number, line: number): void {
    const columns = this.#columns
    const cursor = this.#cursor
    const record = columns.addRecord()
    exactPending.clear()
    try {
      cursor.moveTo(start, end, line)
      if (cursor.next() === OPEN_BRACE) this.#records.read(record)
      else this.#refuseOther()
      cursor.end()
      exactPending.apply(columns, this.#faults)
      this.#faults.throwIfAny()
    } catch (error) {
      columns.headerCount = columns.headerFrom[record]!
      columns.count = record
      throw error
    }
  }

  #refuseOther(): void {
    const other = this.#other
    this.#cursor.take(other)
    const text = excerpt(this.#columns.bytes, other.start, other.end)
    this.#faults.addIn(0, [], () => `${text} is ${jsonType(other.kind)}. A line is a record: {"key":"…","value":…}.`)
  }
}

function blankEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && isBlank(bytes[at]!)) at++
  return at
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === CARRIAGE_RETURN || byte === TAB
}

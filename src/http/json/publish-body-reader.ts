import type { RecordColumns } from '../../broker/record-columns.ts'
import { excerpt, jsonPointer } from './body-excerpt.ts'
import { CLOSE_BRACKET, LOWER_N, OPEN_BRACE, OPEN_BRACKET } from './json-bytes.ts'
import { END } from './json-scanner.ts'
import { encodingFault, repeatedMember, unknownMember } from './member-faults.ts'
import { MemberNames } from './member-names.ts'
import { KEY, PendingDecodings, VALUE } from './pending-decodings.ts'
import type { PlainRecordsReader } from './plain-records-reader.ts'
import type { PublishBodyOptions } from './publish-body-options.ts'
import type { RecordFormat } from './record-format.ts'
import { RecordHeadersReader } from './record-headers-reader.ts'
import { numberOf, partitionFault, timestampFault } from './record-number.ts'
import { CHARACTERS, NULL, REFUSED, RecordPart, TEXT, jsonType, refusal, storedFormOf } from './record-part.ts'
import { RequestCursor } from './request-cursor.ts'
import { RequestFaults } from './request-faults.ts'

const EXAMPLE = '{"records":[{"key":"user-42","value":{"total":12.50}}]}'

const bodyMembers = new MemberNames(['records'])
// The order is that of the constants below.
const recordMembers = new MemberNames([
  'key',
  'value',
  'partition',
  'timestamp',
  'headers',
  'keyEncoding',
  'valueEncoding',
  'topic',
  'offset',
])
const KEY_MEMBER = 0
const VALUE_MEMBER = 1
const PARTITION_MEMBER = 2
const TIMESTAMP_MEMBER = 3
const HEADERS_MEMBER = 4
const KEY_ENCODING_MEMBER = 5
const VALUE_ENCODING_MEMBER = 6

/** Unusual records in one body, after which the others are expected to be so too. */
const MAX_UNUSUAL = 16

/**
 * Reads any body, token by token, and knows what to say about each that is wrong. Records that are as usual go to the
 * plain reader.
 */
export class PublishBodyReader {
  readonly #options: PublishBodyOptions
  readonly #cursor: RequestCursor
  readonly #columns: RecordColumns
  readonly #faults = new RequestFaults()
  readonly #pending: PendingDecodings
  /** undefined: every record is read here. */
  #plain: PlainRecordsReader | undefined
  #unusualRecords = 0
  readonly #headers: RecordHeadersReader
  readonly #key = new RecordPart()
  readonly #value = new RecordPart()
  readonly #other = new RecordPart()

  /**
   * @param columns over the body: empty, or what the plain reader made of the first records
   * @param plain stands at the first record that is not in the columns
   */
  constructor(
    options: PublishBodyOptions,
    columns: RecordColumns,
    pending = new PendingDecodings(),
    plain?: PlainRecordsReader,
  ) {
    this.#options = options
    this.#pending = pending
    this.#plain = plain
    this.#cursor = new RequestCursor(columns.bytes)
    this.#columns = columns
    this.#headers = new RecordHeadersReader(
      this.#cursor,
      this.#columns,
      this.#faults,
      this.#pending,
      options.maxHeaders,
    )
  }

  read(): RecordColumns {
    const cursor = this.#cursor
    const first = cursor.next()
    if (first === END) cursor.refuse(`The body is empty. Send ${EXAMPLE}.`, '')
    if (first !== OPEN_BRACE) this.#refuseBody()
    let given = false
    for (let more = cursor.enterObject(); more; more = cursor.nextMember()) {
      const isRecords = cursor.readName(bodyMembers) === 0
      if (isRecords && !given) {
        given = this.#readRecords()
      } else {
        const name = cursor.nameText()
        this.#refuse(-1, [name], () => (isRecords ? repeatedMember(name) : unknownBodyMember(name)))
        cursor.take(this.#other)
      }
    }
    cursor.end()
    if (!given) this.#refuse(-1, ['records'], () => `There are no records. Send ${EXAMPLE}.`)
    this.#faults.startPass()
    this.#pending.apply(this.#columns, this.#faults)
    this.#faults.throwIfAny()
    return this.#columns
  }

  #refuseBody(): never {
    const cursor = this.#cursor
    cursor.take(this.#other)
    cursor.end()
    return cursor.refuse(`The body is ${jsonType(this.#other.kind)}. Send an object: ${EXAMPLE}.`, '')
  }

  /** At the value of `records`: moves behind it. False if it is null, which means absent. */
  #readRecords(): boolean {
    const cursor = this.#cursor
    const first = cursor.next()
    if (first !== OPEN_BRACKET) {
      cursor.take(this.#other)
      if (first === LOWER_N) return false
      this.#refuse(-1, ['records'], () => `${this.#shown(this.#other)}. It is an array: ${EXAMPLE}.`)
      return true
    }
    const columns = this.#columns
    const { maxRecords } = this.#options
    let more = cursor.enterArray()
    if (columns.count > 0) more = this.#behindPlain()
    for (; more; more = cursor.nextElement() && this.#readPlain()) {
      if (columns.count === maxRecords) {
        cursor.refuse(
          `There are more than ${maxRecords} records. Send at most ${maxRecords} in one request (request.max.records).`,
          '/records',
        )
      }
      const record = columns.addRecord()
      cursor.record = record
      if (cursor.next() === OPEN_BRACE) {
        this.#readRecord(record)
      } else {
        cursor.take(this.#other)
        this.#refuse(record, [], () => `${this.#shown(this.#other)}. A record is an object: {"key":"…","value":…}.`)
      }
    }
    cursor.record = -1
    if (columns.count === 0) this.#refuse(-1, ['records'], () => `There are no records. Send ${EXAMPLE}.`)
    return true
  }

  /** Reads the records that are as usual; returns whether there is another record. */
  #readPlain(): boolean {
    const plain = this.#plain
    if (plain === undefined) return true
    plain.position = this.#cursor.position
    plain.read(this.#columns, this.#options.maxRecords, this.#pending)
    if (plain.position === this.#cursor.position && ++this.#unusualRecords === MAX_UNUSUAL) this.#plain = undefined
    return this.#behindPlain()
  }

  #behindPlain(): boolean {
    const cursor = this.#cursor
    if (this.#plain !== undefined) cursor.position = this.#plain.position
    return cursor.next() !== CLOSE_BRACKET || cursor.nextElement()
  }

  #readRecord(record: number): void {
    const cursor = this.#cursor
    const key = this.#key
    const value = this.#value
    key.clear()
    value.clear()
    let seen = 0
    for (let more = cursor.enterObject(); more; more = cursor.nextMember()) {
      const member = cursor.readName(recordMembers)
      if (member < 0 || (seen & (1 << member)) !== 0) {
        this.#refuseMember(record, member)
        continue
      }
      seen |= 1 << member
      if (member === VALUE_MEMBER) cursor.take(value, 'value')
      else if (member === KEY_MEMBER) cursor.take(key, 'key')
      else if (member === HEADERS_MEMBER) this.#headers.read(record)
      else this.#readOther(member, record)
    }
    if (key.isNull && value.isNull) {
      this.#refuse(record, [], () => 'A record needs a key or a value; both are missing or null.')
    }
    const { keyFormat, valueFormat } = this.#options
    const columns = this.#columns
    if (!key.isNull) this.#store(key, keyFormat, record, KEY, columns.keyStart, columns.keyEnd)
    if (!value.isNull) this.#store(value, valueFormat, record, VALUE, columns.valueStart, columns.valueEnd)
  }

  /** A member that is a number or a word. `topic` and `offset` are ignored: records can be published as they were read. */
  #readOther(member: number, record: number): void {
    const part = this.#other
    this.#cursor.take(part)
    if (part.kind === LOWER_N) return
    const { body } = this.#cursor
    if (member === PARTITION_MEMBER) {
      const partition = numberOf(part, body)
      const fault = partitionFault(part, partition, body)
      if (fault === undefined) this.#columns.partition[record] = partition
      else this.#refuse(record, ['partition'], () => fault)
    } else if (member === TIMESTAMP_MEMBER) {
      const timestamp = numberOf(part, body)
      const fault = timestampFault(part, timestamp, body)
      if (fault === undefined) this.#columns.timestamp[record] = timestamp
      else this.#refuse(record, ['timestamp'], () => fault)
    } else if (member === KEY_ENCODING_MEMBER || member === VALUE_ENCODING_MEMBER) {
      const encoded = member === KEY_ENCODING_MEMBER ? this.#key : this.#value
      const fault = encodingFault(part, body)
      if (fault === undefined) encoded.base64 = true
      else this.#refuse(record, [recordMembers.names[member]!], () => fault)
    }
  }

  #store(
    part: RecordPart,
    format: RecordFormat,
    record: number,
    column: number,
    starts: Int32Array,
    ends: Int32Array,
  ): void {
    const form = storedFormOf(part, format)
    if (form === NULL) return
    if (form === REFUSED) {
      const name = column === KEY ? 'key' : 'value'
      this.#refuse(record, [name], () => refusal(part, format, name, this.#cursor.body))
      return
    }
    const quote = form === TEXT ? 0 : 1
    starts[record] = part.start + quote
    ends[record] = part.end - quote
    if (form > CHARACTERS) this.#pending.add(column, record, record, form)
  }

  #refuseMember(record: number, member: number): void {
    const name = this.#cursor.nameText()
    this.#refuse(record, [name], () =>
      member < 0 ? unknownMember(name, recordMembers.names, 'A record') : repeatedMember(name),
    )
    this.#cursor.take(this.#other)
  }

  #shown(part: RecordPart): string {
    return `${excerpt(this.#cursor.body, part.start, part.end)} is ${jsonType(part.kind)}`
  }

  #refuse(record: number, path: readonly (string | number)[], describe: () => string): void {
    this.#faults.add(record, () => ({
      pointer: record < 0 ? jsonPointer(...path) : jsonPointer('records', record, ...path),
      detail: describe(),
    }))
  }
}

function unknownBodyMember(name: string): string {
  if (recordMembers.findText(name) < 0) return unknownMember(name, bodyMembers.names, 'The body')
  return `"${name}" is a member of a record, and records stand in an array: ${EXAMPLE}.`
}

import type { RecordColumns } from '../../broker/record-columns.ts'
import { LOWER_N } from './json-bytes.ts'
import { encodingFault, repeatedMember, unknownMember } from './member-faults.ts'
import { MemberNames } from './member-names.ts'
import { KEY, type PendingDecodings, VALUE } from './pending-decodings.ts'
import type { PublishBodyOptions } from './publish-body-options.ts'
import type { RecordFormat } from './record-format.ts'
import { RecordHeadersReader } from './record-headers-reader.ts'
import { numberOf, partitionFault, timestampFault } from './record-number.ts'
import { CHARACTERS, NULL, REFUSED, RecordPart, TEXT, refusal, storedFormOf } from './record-part.ts'
import type { RequestCursor } from './request-cursor.ts'
import type { RequestFaults } from './request-faults.ts'

// The order is that of the constants below.
export const recordMembers = new MemberNames([
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

export interface ExactRecordReaderDependencies {
  readonly options: PublishBodyOptions
  readonly cursor: RequestCursor
  /** Over the cursor's text. */
  readonly columns: RecordColumns
  readonly faults: RequestFaults
  readonly pending: PendingDecodings
}

/** Reads records member by member, and knows what to say about each that is wrong. */
export class ExactRecordReader {
  readonly #options: PublishBodyOptions
  readonly #cursor: RequestCursor
  readonly #columns: RecordColumns
  readonly #faults: RequestFaults
  readonly #pending: PendingDecodings
  readonly #headers: RecordHeadersReader
  readonly #key = new RecordPart()
  readonly #value = new RecordPart()
  readonly #other = new RecordPart()

  constructor({ options, cursor, columns, faults, pending }: ExactRecordReaderDependencies) {
    this.#options = options
    this.#cursor = cursor
    this.#columns = columns
    this.#faults = faults
    this.#pending = pending
    this.#headers = new RecordHeadersReader(cursor, columns, faults, pending, options.maxHeaders)
  }

  /** At "{": moves behind the record, and fills in the newest of the columns. */
  read(record: number): void {
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
      this.#faults.addIn(record, [], () => 'A record needs a key or a value; both are missing or null.')
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
      else this.#faults.addIn(record, ['partition'], () => fault)
    } else if (member === TIMESTAMP_MEMBER) {
      const timestamp = numberOf(part, body)
      const fault = timestampFault(part, timestamp, body)
      if (fault === undefined) this.#columns.timestamp[record] = timestamp
      else this.#faults.addIn(record, ['timestamp'], () => fault)
    } else if (member === KEY_ENCODING_MEMBER || member === VALUE_ENCODING_MEMBER) {
      const encoded = member === KEY_ENCODING_MEMBER ? this.#key : this.#value
      const fault = encodingFault(part, body)
      if (fault === undefined) encoded.base64 = true
      else this.#faults.addIn(record, [recordMembers.names[member]!], () => fault)
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
      this.#faults.addIn(record, [name], () => refusal(part, format, name, this.#cursor.body))
      return
    }
    const quote = form === TEXT ? 0 : 1
    starts[record] = part.start + quote
    ends[record] = part.end - quote
    if (form > CHARACTERS) this.#pending.add(column, record, record, form)
  }

  #refuseMember(record: number, member: number): void {
    const name = this.#cursor.nameText()
    this.#faults.addIn(record, [name], () =>
      member < 0 ? unknownMember(name, recordMembers.names, 'A record') : repeatedMember(name),
    )
    this.#cursor.take(this.#other)
  }
}

import type { RecordColumns } from '../../broker/record-columns.ts'
import { excerpt, jsonPointer } from './body-excerpt.ts'
import { ExactRecordReader, recordMembers } from './exact-record-reader.ts'
import { CLOSE_BRACKET, LOWER_N, OPEN_BRACE, OPEN_BRACKET } from './json-bytes.ts'
import { END } from './json-scanner.ts'
import { repeatedMember, unknownMember } from './member-faults.ts'
import { MemberNames } from './member-names.ts'
import { PendingDecodings } from './pending-decodings.ts'
import type { PlainRecordsReader } from './plain-records-reader.ts'
import type { PublishBodyOptions } from './publish-body-options.ts'
import { RecordPart, jsonType } from './record-part.ts'
import { RequestCursor } from './request-cursor.ts'
import { RequestFaults } from './request-faults.ts'

const EXAMPLE = '{"records":[{"key":"user-42","value":{"total":12.50}}]}'

const bodyMembers = new MemberNames(['records'])
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
  readonly #faults = new RequestFaults('records')
  readonly #pending: PendingDecodings
  /** undefined: every record is read here. */
  #plain: PlainRecordsReader | undefined
  #unusualRecords = 0
  readonly #records: ExactRecordReader
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
    this.#records = new ExactRecordReader({ options, cursor: this.#cursor, columns, faults: this.#faults, pending })
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
        this.#records.read(record)
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

  #shown(part: RecordPart): string {
    return `${excerpt(this.#cursor.body, part.start, part.end)} is ${jsonType(part.kind)}`
  }

  #refuse(record: number, path: readonly (string | number)[], describe: () => string): void {
    if (record >= 0) this.#faults.addIn(record, path, describe)
    else this.#faults.add(record, () => ({ pointer: jsonPointer(...path), detail: describe() }))
  }
}

function unknownBodyMember(name: string): string {
  if (recordMembers.findText(name) < 0) return unknownMember(name, bodyMembers.names, 'The body')
  return `"${name}" is a member of a record, and records stand in an array: ${EXAMPLE}.`
}

import type { RecordColumns } from '../../broker/record-columns.ts'
import { excerpt } from './body-excerpt.ts'
import { LOWER_N, OPEN_BRACE, OPEN_BRACKET, QUOTE } from './json-bytes.ts'
import { MemberNames } from './member-names.ts'
import { HEADER_NAME, HEADER_VALUE, type PendingDecodings } from './pending-decodings.ts'
import { CHARACTERS, NULL, REFUSED, RecordPart, jsonType, refusal, storedFormOf } from './record-part.ts'
import type { RequestCursor } from './request-cursor.ts'
import type { RequestFaults } from './request-faults.ts'
import { encodingFault, repeatedMember, unknownMember } from './member-faults.ts'

const NAME = 0
const VALUE = 1
const VALUE_ENCODING = 2
const headerMembers = new MemberNames(['name', 'value', 'valueEncoding'])

/** Reads the `headers` of a record: `[{"name":"trace","value":"abc"}]`. */
export class RecordHeadersReader {
  readonly #cursor: RequestCursor
  readonly #columns: RecordColumns
  readonly #faults: RequestFaults
  readonly #pending: PendingDecodings
  readonly #maxHeaders: number
  readonly #name = new RecordPart()
  readonly #value = new RecordPart()
  readonly #other = new RecordPart()

  constructor(
    cursor: RequestCursor,
    columns: RecordColumns,
    faults: RequestFaults,
    pending: PendingDecodings,
    maxHeaders: number,
  ) {
    this.#cursor = cursor
    this.#columns = columns
    this.#faults = faults
    this.#pending = pending
    this.#maxHeaders = maxHeaders
  }

  /** At the value of `headers`: moves behind it, and adds its headers to the newest record. */
  read(record: number): void {
    const cursor = this.#cursor
    const first = cursor.next()
    if (first !== OPEN_BRACKET) {
      cursor.take(this.#other)
      if (first !== LOWER_N) this.#refuse(record, [], () => this.#notAnArray())
      return
    }
    let index = 0
    for (let more = cursor.enterArray(); more; more = cursor.nextElement()) {
      if (cursor.next() === OPEN_BRACE) {
        this.#readHeader(record, index)
      } else {
        cursor.take(this.#other)
        this.#refuse(record, [index], () => `${this.#shown(this.#other)}. A header is {"name":"…","value":"…"}.`)
      }
      index++
    }
    if (index > this.#maxHeaders) {
      this.#refuse(record, [], () => `${index} headers; a record has at most ${this.#maxHeaders} (record.max.headers).`)
    }
  }

  #readHeader(record: number, index: number): void {
    const cursor = this.#cursor
    this.#name.clear()
    this.#value.clear()
    let seen = 0
    for (let more = cursor.enterObject(); more; more = cursor.nextMember()) {
      const member = cursor.readName(headerMembers)
      if (member < 0) {
        const name = cursor.nameText()
        this.#refuse(record, [index, name], () => unknownMember(name, headerMembers.names, 'A header'))
      } else if ((seen & (1 << member)) !== 0) {
        this.#refuse(record, [index, cursor.nameText()], () => repeatedMember(cursor.nameText()))
      } else if (member === NAME || member === VALUE) {
        cursor.take(member === NAME ? this.#name : this.#value)
        seen |= 1 << member
        continue
      }
      cursor.take(this.#other)
      if (member === VALUE_ENCODING && (seen & (1 << member)) === 0) this.#readEncoding(record, index)
      if (member >= 0) seen |= 1 << member
    }
    this.#store(record, index)
  }

  #readEncoding(record: number, index: number): void {
    const fault = encodingFault(this.#other, this.#cursor.body)
    if (fault === undefined) this.#value.base64 = this.#other.kind !== LOWER_N
    else this.#refuse(record, [index, 'valueEncoding'], () => fault)
  }

  #store(record: number, index: number): void {
    const name = this.#name
    const value = this.#value
    if (name.kind !== QUOTE) {
      this.#refuse(record, [index, 'name'], () =>
        name.isNull ? 'A header needs a name, a string.' : `${this.#shown(name)}. A header's name is a string.`,
      )
      return
    }
    const nameForm = storedFormOf(name, 'string')
    if (nameForm === REFUSED) this.#refuse(record, [index, 'name'], () => this.#refusal(name))
    const valueForm = storedFormOf(value, 'string')
    if (valueForm === REFUSED) this.#refuse(record, [index, 'value'], () => this.#refusal(value))
    if (nameForm === REFUSED || valueForm === REFUSED) return
    const columns = this.#columns
    const row = columns.headerCount
    const isNull = valueForm === NULL
    columns.addHeader(name.start + 1, name.end - 1, isNull ? -1 : value.start + 1, isNull ? -1 : value.end - 1)
    if (nameForm > CHARACTERS) this.#pending.add(HEADER_NAME, row, record, nameForm)
    if (valueForm > CHARACTERS) this.#pending.add(HEADER_VALUE, row, record, valueForm)
  }

  #refusal(part: RecordPart): string {
    if (part.hasLoneSurrogate || part.base64) return refusal(part, 'string', 'value', this.#cursor.body)
    return `${this.#shown(part)}. A header's value is a string or null.`
  }

  #notAnArray(): string {
    return `${this.#shown(this.#other)}. Headers are an array: [{"name":"trace","value":"abc"}].`
  }

  #shown(part: RecordPart): string {
    return `${excerpt(this.#cursor.body, part.start, part.end)} is ${jsonType(part.kind)}`
  }

  #refuse(record: number, path: readonly (string | number)[], describe: () => string): void {
    this.#faults.addIn(record, ['headers', ...path], describe)
  }
}

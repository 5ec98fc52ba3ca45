import type { RecordColumns } from '../../broker/record-columns.ts'
import { decodeBase64InPlace } from './base64-text.ts'
import { BASE64, ESCAPED_CHARACTERS, base64Refusal } from './record-part.ts'
import type { RequestFaults } from './request-faults.ts'
import { unescapeInPlace } from './string-unescape.ts'

/** Which pair of columns a decoding shortens. */
export const KEY = 0
export const VALUE = 1
export const HEADER_NAME = 2
export const HEADER_VALUE = 3

/**
 * The escaped and base64 parts of a body, decoded in place once all of it was read: until then its text must stand as it
 * was sent, for errors tell line, column and text.
 */
export class PendingDecodings {
  /** Four numbers a decoding: column pair, row in it, record, stored form. */
  readonly #entries: number[] = []

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  clear(): void {
    if (this.#entries.length > 0) this.#entries.length = 0
  }

  add(column: number, row: number, record: number, form: number): void {
    this.#entries.push(column, row, record, form)
  }

  /** Decodes, and moves the ends in the columns; text that is not base64 goes to the faults. */
  apply(columns: RecordColumns, faults: RequestFaults): void {
    const entries = this.#entries
    for (let i = 0; i < entries.length; i += 4) {
      const column = entries[i]!
      const row = entries[i + 1]!
      const form = entries[i + 3]!
      const body = columns.bytes
      const ends = endsOf(columns, column)
      const start = startsOf(columns, column)[row]!
      const end = form === BASE64 ? ends[row]! : unescapeInPlace(body, start, ends[row]!)
      ends[row] = end
      if (form === ESCAPED_CHARACTERS) continue
      const detail = base64Refusal(body, start, end)
      if (detail === undefined) {
        ends[row] = decodeBase64InPlace(body, start, end)
      } else {
        const record = entries[i + 2]!
        faults.addIn(record, pathOf(columns, column, row, record), () => detail)
      }
    }
  }
}

function startsOf(columns: RecordColumns, column: number): Int32Array {
  if (column === KEY) return columns.keyStart
  if (column === VALUE) return columns.valueStart
  return column === HEADER_NAME ? columns.headerNameStart : columns.headerValueStart
}

function endsOf(columns: RecordColumns, column: number): Int32Array {
  if (column === KEY) return columns.keyEnd
  if (column === VALUE) return columns.valueEnd
  return column === HEADER_NAME ? columns.headerNameEnd : columns.headerValueEnd
}

function pathOf(columns: RecordColumns, column: number, row: number, record: number): (string | number)[] {
  if (column === KEY) return ['key']
  if (column === VALUE) return ['value']
  return ['headers', row - columns.headerFrom[record]!, 'value']
}

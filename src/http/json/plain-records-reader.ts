import { isUtf8 } from 'node:buffer'
import type { RecordColumns } from '../../broker/record-columns.ts'
import * as json from './json-bytes.ts'
import { JsonScanner } from './json-scanner.ts'
import { KEY, type PendingDecodings, VALUE } from './pending-decodings.ts'
import type { RecordFormats } from './record-format.ts'
import { MAX_PARTITION, SECONDS_MAX } from './record-number.ts'
import { ESCAPED_CHARACTERS } from './record-part.ts'

// An imported binding is read from memory at each use; these are constants to the compiler.
const { CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE, SPACE, ZERO } = json

/** A position that does not exist: something needs a closer look. */
const UNUSUAL = -1

const isSpace = new Uint8Array(256)
for (const byte of ' \n\r\t') isSpace[byte.charCodeAt(0)] = 1

/** Words of text: a name is told without a look at each letter. */
const KEY_QUOTE = wordOf('key"')
const VALU = wordOf('valu')
const LUE_QUOTE = wordOf('lue"')
const PART = wordOf('part')
const ITIO = wordOf('itio')
const ION_QUOTE = wordOf('ion"')
const TIME = wordOf('time')
const STAM = wordOf('stam')
const AMP_QUOTE = wordOf('amp"')
const NULL = wordOf('null')

/** The least that follows the opening quote of a name in a whole body, itself included, is 10: `"key":0}]}`. */
const REST_MIN_BYTES = 8
/** `"timestamp"` and `"partition"` with their quotes. */
const LONG_NAME_BYTES = 11

const KEY_SEEN = 1
const VALUE_SEEN = 2
const PARTITION_SEEN = 4
const TIMESTAMP_SEEN = 8

/** So many digits are exact in a double. */
const EXACT_DIGITS = 15

const RECORDS_NAME = Buffer.from('"records"')

const noBytes = Buffer.alloc(0)

/**
 * Reads records as nearly all clients write them: of key, value, partition and timestamp each at most once, in any order,
 * and nothing wrong. It stops in front of any other record, and the exact reader goes on there.
 *
 * One serves all requests: reading is synchronous, and nothing is made for a request.
 */
export class PlainRecordsReader {
  readonly #scanner = new JsonScanner(noBytes)
  /** Where the exact reader goes on: at a record, or at the end of the array. */
  position = 0
  #keyText = false
  #valueText = false
  #takesContainers = false

  /** The parts of the newest record that have escapes to decode, as their SEEN bits. */
  #escapedParts = 0

  /** Goes to the first record of the body; false where the body, or what is asked of it, is unusual from the start. */
  begin(bytes: Buffer, formats: RecordFormats): boolean {
    if (!this.beginLines(bytes, formats)) return false
    this.position = recordsStart(bytes)
    return this.position >= 0
  }

  /** For a body of one record a line, which `readLine` takes; false where what is asked of it is unusual. */
  beginLines(bytes: Buffer, { keyFormat, valueFormat }: RecordFormats): boolean {
    if (keyFormat === 'base64' || valueFormat === 'base64') return false
    const scanner = this.#scanner
    scanner.use(bytes)
    scanner.limit = bytes.length
    scanner.clearNotes()
    this.#keyText = keyFormat === 'json'
    this.#valueText = valueFormat === 'json'
    this.#takesContainers = keyFormat !== 'string' && valueFormat !== 'string'
    return true
  }

  /** Whether the newest `read` came to the end of the array, and nothing unusual follows it. */
  get isWhole(): boolean {
    const { bytes, isAscii } = this.#scanner
    if (bytes[this.position] !== CLOSE_BRACKET) return false
    const closeAt = spaceEnd(bytes, this.position + 1)
    if (closeAt >= bytes.length || bytes[closeAt] !== CLOSE_BRACE) return false
    return spaceEnd(bytes, closeAt + 1) === bytes.length && (isAscii || isUtf8(bytes))
  }

  /** Adds as many records as are usual, from the one at `position` on, and moves behind them. */
  read(columns: RecordColumns, maxRecords: number, pending: PendingDecodings): void {
    const { bytes } = columns
    const { length } = bytes
    let at = this.position
    let byte = OPEN_BRACE
    while (byte === OPEN_BRACE && columns.count < maxRecords) {
      const record = columns.addRecord()
      at = this.#recordEnd(at, columns, record)
      if (at >= 0) {
        if (at < length && bytes[at]! <= SPACE) at = spaceEnd(bytes, at)
        byte = at < length ? bytes[at]! : 0
        if (byte === COMMA) {
          at = spaceEnd(bytes, at + 1)
          byte = at < length ? bytes[at]! : 0
          if (byte === CLOSE_BRACKET) at = UNUSUAL
        } else if (byte !== CLOSE_BRACKET) at = UNUSUAL
      }
      if (at < 0) {
        columns.count = record
        return
      }
      this.position = at
      if (this.#escapedParts !== 0) this.#addDecodings(record, pending)
    }
  }

  /** Adds the record that begins at `start`, if it is usual and all there is up to `end`, where the line ends. */
  readLine(columns: RecordColumns, start: number, end: number, pending: PendingDecodings): boolean {
    const record = columns.addRecord()
    const { bytes } = columns
    let at = this.#recordEnd(start, columns, record)
    while (at >= 0 && at < end && isSpace[bytes[at]!] === 1) at++
    if (at !== end) {
      columns.count = record
      return false
    }
    if (this.#escapedParts !== 0) this.#addDecodings(record, pending)
    return true
  }

  /** Behind the record that begins at `start`, or UNUSUAL. */
  #recordEnd(start: number, columns: RecordColumns, record: number): number {
    const scanner = this.#scanner
    const { bytes, view } = scanner
    const { length } = bytes
    if (start >= length || bytes[start] !== OPEN_BRACE) return UNUSUAL
    this.#escapedParts = 0
    let at = spaceEnd(bytes, start + 1)
    let seen = 0
    for (;;) {
      if (at + REST_MIN_BYTES > length || bytes[at] !== QUOTE) return UNUSUAL
      const word = view.getInt32(at + 1, true)
      let member: number
      if (word === VALU && view.getInt32(at + 3, true) === LUE_QUOTE) {
        member = VALUE_SEEN
        at += 7
      } else if (word === KEY_QUOTE) {
        member = KEY_SEEN
        at += 5
      } else {
        member = longMember(view, at, length)
        at += LONG_NAME_BYTES
      }
      if (member === 0 || (seen & member) !== 0) return UNUSUAL
      seen |= member
      if (at < length && bytes[at]! <= SPACE) at = spaceEnd(bytes, at)
      if (at >= length || bytes[at] !== COLON) return UNUSUAL
      at++
      if (at < length && bytes[at]! <= SPACE) at = spaceEnd(bytes, at)
      if (at >= length) return UNUSUAL
      if (member === KEY_SEEN) at = this.#partEnd(at, member, this.#keyText, columns.keyStart, columns.keyEnd, record)
      else if (member === VALUE_SEEN)
        at = this.#partEnd(at, member, this.#valueText, columns.valueStart, columns.valueEnd, record)
      else at = integerEnd(bytes, at, member, columns, record)
      if (at < 0) return UNUSUAL
      if (at < length && bytes[at]! <= SPACE) at = spaceEnd(bytes, at)
      if (at >= length) return UNUSUAL
      if (bytes[at] === CLOSE_BRACE) break
      if (bytes[at] !== COMMA) return UNUSUAL
      at++
      if (at < length && bytes[at]! <= SPACE) at = spaceEnd(bytes, at)
    }
    return columns.keyStart[record]! < 0 && columns.valueStart[record]! < 0 ? UNUSUAL : at + 1
  }

  /** Behind the key or value at `at`, noting where it lies; null is noted as it was, as absent. */
  #partEnd(at: number, member: number, isText: boolean, starts: Int32Array, ends: Int32Array, record: number): number {
    const scanner = this.#scanner
    const first = scanner.bytes[at]!
    if (first === QUOTE) {
      scanner.escaped = false
      scanner.loneSurrogateAt = -1
      const end = scanner.stringEnd(at + 1)
      if (end < 0) return UNUSUAL
      const quote = isText ? 0 : 1
      if (scanner.escaped && !isText) {
        if (scanner.loneSurrogateAt >= 0) return UNUSUAL
        this.#escapedParts |= member
      }
      starts[record] = at + quote
      ends[record] = end - quote
      return end
    }
    if (first === OPEN_BRACE || first === OPEN_BRACKET) {
      if (!this.#takesContainers) return UNUSUAL
      const end = scanner.valueEnd(at, first)
      if (end < 0) return UNUSUAL
      starts[record] = at
      ends[record] = end
      return end
    }
    return at + 4 <= scanner.limit && scanner.view.getInt32(at, true) === NULL ? at + 4 : UNUSUAL
  }

  #addDecodings(record: number, pending: PendingDecodings): void {
    if ((this.#escapedParts & KEY_SEEN) !== 0) pending.add(KEY, record, record, ESCAPED_CHARACTERS)
    if ((this.#escapedParts & VALUE_SEEN) !== 0) pending.add(VALUE, record, record, ESCAPED_CHARACTERS)
  }
}

/** Which of the long names begins with the quote at `at`; 0 = none. */
function longMember(view: DataView, at: number, length: number): number {
  if (at + LONG_NAME_BYTES > length) return 0
  const word = view.getInt32(at + 1, true)
  const next = view.getInt32(at + 5, true)
  const last = view.getInt32(at + 7, true)
  if (word === PART && next === ITIO && last === ION_QUOTE) return PARTITION_SEEN
  return word === TIME && next === STAM && last === AMP_QUOTE ? TIMESTAMP_SEEN : 0
}

/** Behind the plain digits at `start`, noting what they say. */
function integerEnd(bytes: Uint8Array, start: number, member: number, columns: RecordColumns, record: number): number {
  const stop = Math.min(bytes.length, start + EXACT_DIGITS)
  let at = start
  let value = 0
  for (; at < stop; at++) {
    const digit = bytes[at]! - ZERO
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
  }
  if (at === start || (bytes[start] === ZERO && at > start + 1)) return UNUSUAL
  // What goes on behind is no separator, and told by whoever looks for one.
  if (member === PARTITION_SEEN) {
    if (value > MAX_PARTITION) return UNUSUAL
    columns.partition[record] = value
  } else {
    if (value <= SECONDS_MAX) return UNUSUAL
    columns.timestamp[record] = value
  }
  return at
}

/** The first record of `{"records":[{…`, or −1. */
function recordsStart(bytes: Buffer): number {
  const openAt = spaceEnd(bytes, 0)
  if (openAt >= bytes.length || bytes[openAt] !== OPEN_BRACE) return UNUSUAL
  const nameAt = spaceEnd(bytes, openAt + 1)
  const nameEnd = nameAt + RECORDS_NAME.length
  for (let i = 0; i < RECORDS_NAME.length; i++) {
    if (nameAt + i >= bytes.length || bytes[nameAt + i] !== RECORDS_NAME[i]) return UNUSUAL
  }
  const colonAt = spaceEnd(bytes, nameEnd)
  if (colonAt >= bytes.length || bytes[colonAt] !== COLON) return UNUSUAL
  const arrayAt = spaceEnd(bytes, colonAt + 1)
  if (arrayAt >= bytes.length || bytes[arrayAt] !== OPEN_BRACKET) return UNUSUAL
  const recordAt = spaceEnd(bytes, arrayAt + 1)
  return recordAt < bytes.length && bytes[recordAt] === OPEN_BRACE ? recordAt : UNUSUAL
}

function spaceEnd(bytes: Uint8Array, start: number): number {
  let at = start
  while (at < bytes.length && isSpace[bytes[at]!] === 1) at++
  return at
}

function wordOf(text: string): number {
  return Buffer.from(text).readInt32LE()
}

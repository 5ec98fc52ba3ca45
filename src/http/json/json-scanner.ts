import {
  BACKSLASH,
  CARRIAGE_RETURN,
  CLOSE_BRACE,
  COLON,
  COMMA,
  LINE_FEED,
  LOWER_F,
  LOWER_N,
  LOWER_T,
  LOWER_U,
  MINUS,
  NINE,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SPACE,
  TAB,
  ZERO,
  isHighSurrogate,
  isLowSurrogate,
  utf16UnitAt,
} from './json-bytes.ts'
import { containerEnd } from './container-scan.ts'
import { isInfinite, numberEnd } from './json-number.ts'
import { plainRunEnd } from './string-run.ts'

/** Objects and arrays inside each other; what is deeper is refused, for many parsers stop soon after. */
export const MAX_JSON_DEPTH = 64

/** What `skipWhitespace` returns at the end of the text. */
export const END = -1

/** A position that does not exist: the text is wrong, see `position` and `expected`. */
const FAULT = -1

/** The closing brackets that are due, by depth. Scans never nest, so that one array serves all. */
const closings = new Uint8Array(MAX_JSON_DEPTH + 1)

const isSpace = new Uint8Array(256)
for (const byte of [SPACE, LINE_FEED, CARRIAGE_RETURN, TAB]) isSpace[byte] = 1

const isShortEscape = new Uint8Array(256)
for (const letter of '"\\/bfnrt') isShortEscape[letter.charCodeAt(0)] = 1

const trueWord = Buffer.from('true').readInt32LE()
const alseWord = Buffer.from('alse').readInt32LE()
const nullWord = Buffer.from('null').readInt32LE()

/** The position of the next byte from `start` on that is not white space, or the limit. */
function spaceEnd(bytes: Uint8Array, start: number, limit: number): number {
  let at = start
  while (at < limit && isSpace[bytes[at]!] === 1) at++
  return at
}

/**
 * Walks over JSON text (RFC 8259, to the letter) in place and finds where values end; makes nothing.
 *
 * Methods return false at the first fault: `position` is then the faulty byte, `expected` says what would have been
 * right, and `tooDeep` that only the nesting was wrong. UTF-8 is not checked: bytes ≥ 0x80 pass inside strings.
 *
 * What the text holds that a parser may stumble over is noted on the way and stays until `clearNotes`.
 */
export class JsonScanner {
  bytes: Uint8Array
  /** Over the bytes. */
  view: DataView
  position: number
  /** The text ends before this position. */
  limit: number
  expected = ''
  tooDeep = false

  /** Some string had a backslash. */
  escaped = false
  /** Position of the first `\u` escape of a surrogate without its partner; −1 = none. */
  loneSurrogateAt = -1
  /** Position of the first number that is infinite as a double; −1 = none. */
  infiniteNumberAt = -1
  /** All strings are ASCII (escapes aside). */
  isAscii = true

  constructor(bytes: Uint8Array, position = 0, limit = bytes.length) {
    this.bytes = bytes
    this.view = viewOf(bytes)
    this.position = position
    this.limit = limit
  }

  /** Goes on to other bytes; the position is to be set next. */
  use(bytes: Uint8Array): void {
    if (bytes === this.bytes) return
    this.bytes = bytes
    this.view = viewOf(bytes)
  }

  clearNotes(): void {
    this.escaped = false
    this.loneSurrogateAt = -1
    this.infiniteNumberAt = -1
    this.isAscii = true
  }

  /** Moves to the next byte that is not white space, and returns it, or END. */
  skipWhitespace(): number {
    const { bytes, limit } = this
    const at = spaceEnd(bytes, this.position, limit)
    this.position = at
    return at < limit ? bytes[at]! : END
  }

  /** Moves over the value that begins with `first` at the position. */
  skipValue(first: number): boolean {
    return this.#moveTo(this.valueEnd(this.position, first))
  }

  /** Moves over the string whose opening quote is at the position. */
  skipString(): boolean {
    return this.#moveTo(this.stringEnd(this.position + 1))
  }

  #moveTo(end: number): boolean {
    if (end === FAULT) return false
    this.position = end
    return true
  }

  // The methods below take a position and return the one behind what they read, or FAULT: so it stays in a register.

  /** The end of the value that begins at `at` with `first`. */
  valueEnd(at: number, first: number): number {
    if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return this.scalarEnd(at, first)
    const end = containerEnd(this, at)
    return end >= 0 ? end : this.#exactContainerEnd(at)
  }

  /** The end of the string whose content begins at `start`, behind its closing quote. */
  stringEnd(start: number): number {
    const { bytes, limit } = this
    const at = plainRunEnd(bytes, this.view, start, limit)
    return at < limit && bytes[at] === QUOTE ? at + 1 : this.stringRestEnd(at)
  }

  /** The end of the object or array that begins at `start`; says exactly what is wrong. */
  #exactContainerEnd(start: number): number {
    const { bytes, limit } = this
    let at = start
    let byte = bytes[at]!
    let depth = 0
    let close = 0
    for (;;) {
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (depth === MAX_JSON_DEPTH) return this.#failTooDeep(at)
        close = byte + 2
        closings[++depth] = close
        at = spaceEnd(bytes, at + 1, limit)
        byte = this.#byteAt(at)
        if (byte !== close) {
          if (close === CLOSE_BRACE) at = this.#nameEnd(at)
          if (at === FAULT) return FAULT
          byte = this.#byteAt(at)
          continue
        }
      } else {
        at = this.scalarEnd(at, byte)
      }
      if (at === FAULT) return FAULT
      at = spaceEnd(bytes, at, limit)
      while (this.#byteAt(at) === close) {
        if (--depth === 0) return at + 1
        close = closings[depth]!
        at = spaceEnd(bytes, at + 1, limit)
      }
      if (this.#byteAt(at) !== COMMA) return this.#fail(at, close === CLOSE_BRACE ? '"," or "}"' : '"," or "]"')
      at = spaceEnd(bytes, at + 1, limit)
      if (close === CLOSE_BRACE) at = this.#nameEnd(at)
      if (at === FAULT) return FAULT
      byte = this.#byteAt(at)
    }
  }

  #byteAt(at: number): number {
    return at < this.limit ? this.bytes[at]! : END
  }

  /** From the member name at `at` to its value. */
  #nameEnd(at: number): number {
    const { bytes, limit } = this
    if (this.#byteAt(at) !== QUOTE) return this.#fail(at, 'a member name in double quotes')
    let end = this.stringEnd(at + 1)
    if (end === FAULT) return FAULT
    end = spaceEnd(bytes, end, limit)
    if (this.#byteAt(end) !== COLON) return this.#fail(end, '":"')
    return spaceEnd(bytes, end + 1, limit)
  }

  /** The end of the string, number or literal that begins at `at` with `first`. */
  scalarEnd(at: number, first: number): number {
    if (first === QUOTE) return this.stringEnd(at + 1)
    if ((first >= ZERO && first <= NINE) || first === MINUS) return this.#numberEnd(at)
    if (first === LOWER_N) return this.#literalEnd(at, nullWord, 'null')
    if (first === LOWER_T) return this.#literalEnd(at, trueWord, 'true')
    if (first === LOWER_F) return this.#literalEnd(at + 1, alseWord, 'false')
    return this.#fail(at, 'a value')
  }

  /** The end of a literal whose last four letters begin at `wordAt`. */
  #literalEnd(wordAt: number, word: number, literal: string): number {
    if (wordAt + 4 <= this.limit && this.view.getInt32(wordAt, true) === word) return wordAt + 4
    return this.#fail(wordAt + 4 - literal.length, `a value (${literal}?)`)
  }

  #numberEnd(at: number): number {
    const end = numberEnd(this.bytes, at, this.limit)
    if (end < 0) return this.#fail(~end, 'a digit')
    if (this.infiniteNumberAt < 0 && isInfinite(this.bytes, at, end)) this.infiniteNumberAt = at
    return end
  }

  /** Goes on in a string at the first byte that is not plain ASCII. */
  stringRestEnd(start: number): number {
    const { bytes, limit } = this
    for (let at = start; at < limit; at = plainRunEnd(bytes, this.view, at, limit)) {
      const byte = bytes[at]!
      if (byte === QUOTE) return at + 1
      if (byte === BACKSLASH) {
        this.escaped = true
        at = at + 1 < limit && isShortEscape[bytes[at + 1]!] === 1 ? at + 2 : this.#unicodeEscapeEnd(at)
        if (at === FAULT) return FAULT
      } else if (byte >= 0x80) {
        this.isAscii = false
        do at++
        while (at < limit && bytes[at]! >= 0x80)
      } else {
        return this.#fail(at, 'an escape such as \\n (control characters are not allowed raw)')
      }
    }
    return this.#fail(limit, 'the closing quote of the string')
  }

  #unicodeEscapeEnd(at: number): number {
    const { bytes, limit } = this
    const unit = at + 1 < limit && bytes[at + 1] === LOWER_U ? utf16UnitAt(bytes, at + 2, limit) : -1
    if (unit < 0) return this.#fail(at, 'one of \\" \\\\ \\/ \\b \\f \\n \\r \\t, or \\u and four hexadecimal digits')
    if (isHighSurrogate(unit) && this.#isLowSurrogateAt(at + 6)) return at + 12
    if (unit >= 0xd800 && unit <= 0xdfff && this.loneSurrogateAt < 0) this.loneSurrogateAt = at
    return at + 6
  }

  #isLowSurrogateAt(at: number): boolean {
    const { bytes, limit } = this
    if (at + 6 > limit || bytes[at] !== BACKSLASH || bytes[at + 1] !== LOWER_U) return false
    return isLowSurrogate(utf16UnitAt(bytes, at + 2, limit))
  }

  #failTooDeep(at: number): number {
    this.tooDeep = true
    return this.#fail(at, `at most ${MAX_JSON_DEPTH} levels of nesting`)
  }

  /** Notes where the text is wrong and what would have been right there. */
  #fail(at: number, expected: string): number {
    this.position = at
    this.expected = expected
    return FAULT
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

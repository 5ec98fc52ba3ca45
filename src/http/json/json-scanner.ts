import {
  BACKSLASH,
  CARRIAGE_RETURN,
  CLOSE_BRACE,
  COLON,
  COMMA,
  DOT,
  LINE_FEED,
  LOWER_F,
  LOWER_N,
  LOWER_T,
  LOWER_U,
  MINUS,
  NINE,
  OPEN_BRACE,
  OPEN_BRACKET,
  PLUS,
  QUOTE,
  SPACE,
  TAB,
  ZERO,
  isHighSurrogate,
  isLowSurrogate,
  utf16UnitAt,
} from './json-bytes.ts'
import { NOT_ASCII, bytesBefore, firstByteFound, specialBytesInWord } from './string-run.ts'

/** Objects and arrays inside each other; what is deeper is refused, for many parsers stop soon after. */
export const MAX_JSON_DEPTH = 64

/** What `skipWhitespace` returns at the end of the text. */
export const END = -1

/** A position that does not exist: the text is wrong, see `position` and `expected`. */
const FAULT = -1
const LOWER_E = 0x65
const UPPER_E = 0x45

/** The closing brackets that are due, by depth. Scans never nest, so that one array serves all. */
const closings = new Uint8Array(MAX_JSON_DEPTH + 1)

/** Most names and many values are shorter; longer runs are read a word at a time. */
const SHORT_RUN_BYTES = 16

const isSpace = new Uint8Array(256)
for (const byte of [SPACE, LINE_FEED, CARRIAGE_RETURN, TAB]) isSpace[byte] = 1

/** 1 for the bytes that end a run of plain string content: quote, backslash, control characters. */
const endsRun = new Uint8Array(256)
endsRun.fill(1, 0, SPACE)
endsRun[QUOTE] = 1
endsRun[BACKSLASH] = 1

const isShortEscape = new Uint8Array(256)
for (const letter of '"\\/bfnrt') isShortEscape[letter.charCodeAt(0)] = 1

const isDigit = new Uint8Array(256).fill(1, ZERO, NINE + 1)
const isExponent = new Uint8Array(256)
for (const byte of [LOWER_E, UPPER_E]) isExponent[byte] = 1

const trueWord = Buffer.from('true').readInt32LE()
const alseWord = Buffer.from('alse').readInt32LE()
const nullWord = Buffer.from('null').readInt32LE()

/** A double reaches 1.8e308: only what may have more digits before the point needs the exact conversion. */
const MAX_FINITE_DIGITS = 308

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
  #view: DataView
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
  /** All plain string bytes or-ed together; the top bit of one of its bytes is set if one of them was not ASCII. */
  #seen = 0

  constructor(bytes: Uint8Array, position = 0, limit = bytes.length) {
    this.bytes = bytes
    this.#view = viewOf(bytes)
    this.position = position
    this.limit = limit
  }

  /** Goes on to other bytes; the position is to be set next. */
  use(bytes: Uint8Array): void {
    if (bytes === this.bytes) return
    this.bytes = bytes
    this.#view = viewOf(bytes)
  }

  /** Whether all strings are ASCII (escapes aside). */
  get isAscii(): boolean {
    return (this.#seen & NOT_ASCII) === 0
  }

  clearNotes(): void {
    this.escaped = false
    this.loneSurrogateAt = -1
    this.infiniteNumberAt = -1
    this.#seen = 0
  }

  /** Moves to the next byte that is not white space, and returns it, or END. */
  skipWhitespace(): number {
    const { bytes, limit } = this
    let at = this.position
    while (at < limit && isSpace[bytes[at]!] === 1) at++
    this.position = at
    return at < limit ? bytes[at]! : END
  }

  /** Moves over the value that begins with `first` at the position. */
  skipValue(first: number): boolean {
    return this.#moveTo(
      first === OPEN_BRACE || first === OPEN_BRACKET
        ? this.#containerEnd(this.position)
        : this.#scalarEnd(this.position, first),
    )
  }

  /** Moves over the string whose opening quote is at the position. */
  skipString(): boolean {
    return this.#moveTo(this.#stringEnd(this.position + 1))
  }

  #moveTo(end: number): boolean {
    if (end === FAULT) return false
    this.position = end
    return true
  }

  /** Notes where the text is wrong and what would have been right there. */
  #fail(at: number, expected: string): number {
    this.position = at
    this.expected = expected
    return FAULT
  }

  // The methods below take a position and return the one behind what they read, or FAULT: so it stays in a register.

  #scalarEnd(at: number, first: number): number {
    if (first === QUOTE) return this.#stringEnd(at + 1)
    if ((first >= ZERO && first <= NINE) || first === MINUS) return this.#numberEnd(at)
    if (first === LOWER_T) return this.#literalEnd(at, trueWord, 'true')
    if (first === LOWER_F) return this.#literalEnd(at + 1, alseWord, 'false')
    if (first === LOWER_N) return this.#literalEnd(at, nullWord, 'null')
    return this.#fail(at, 'a value')
  }

  /**
   * The end of the object or array that begins at `start`. One flat loop that reads short strings and plain numbers
   * itself, because a call for each token takes three times as long.
   */
  #containerEnd(start: number): number {
    const { bytes, limit } = this
    let at = start
    let byte = bytes[at]!
    let depth = 0
    let close = 0
    let isName = false
    let seen = 0
    for (;;) {
      if (byte === QUOTE) {
        for (at++; at < limit; at++) {
          byte = bytes[at]!
          if (endsRun[byte] === 1) break
          seen |= byte
        }
        at = at < limit && byte === QUOTE ? at + 1 : this.#stringEnd(at)
        if (at === FAULT) return FAULT
        while (at < limit && isSpace[bytes[at]!] === 1) at++
        byte = at < limit ? bytes[at]! : END
        if (isName) {
          if (byte !== COLON) return this.#fail(at, '":"')
          for (at++; at < limit && isSpace[bytes[at]!] === 1;) at++
          byte = at < limit ? bytes[at]! : END
          isName = false
          continue
        }
      } else if (isName) {
        return this.#fail(at, 'a member name in double quotes')
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (depth === MAX_JSON_DEPTH) return this.#failTooDeep(at)
        close = byte + 2
        closings[++depth] = close
        for (at++; at < limit && isSpace[bytes[at]!] === 1;) at++
        byte = at < limit ? bytes[at]! : END
        isName = close === CLOSE_BRACE && byte !== CLOSE_BRACE
        if (byte !== close) continue
      } else {
        const tokenAt = at
        while (at < limit && isDigit[bytes[at]!] === 1) at++
        if (at < limit && bytes[at] === DOT) {
          for (at++; at < limit && isDigit[bytes[at]!] === 1;) at++
        }
        // Whatever is no plain decimal number is looked at more closely.
        if (at === tokenAt || byte <= ZERO || bytes[at - 1] === DOT || (at < limit && isExponent[bytes[at]!] === 1)) {
          at = this.#scalarEnd(tokenAt, byte)
          if (at === FAULT) return FAULT
        }
        if (at - tokenAt > MAX_FINITE_DIGITS) this.#noteInfinite(tokenAt, at)
        while (at < limit && isSpace[bytes[at]!] === 1) at++
        byte = at < limit ? bytes[at]! : END
      }
      while (byte === close) {
        if (--depth === 0) {
          this.#seen |= seen
          return at + 1
        }
        close = closings[depth]!
        for (at++; at < limit && isSpace[bytes[at]!] === 1;) at++
        byte = at < limit ? bytes[at]! : END
      }
      if (byte !== COMMA) return this.#fail(at, close === CLOSE_BRACE ? '"," or "}"' : '"," or "]"')
      for (at++; at < limit && isSpace[bytes[at]!] === 1;) at++
      byte = at < limit ? bytes[at]! : END
      isName = close === CLOSE_BRACE
    }
  }

  /** The end of the string whose content goes on at `start`, behind its closing quote. */
  #stringEnd(start: number): number {
    const { bytes, limit } = this
    let at = start
    let seen = 0
    for (;;) {
      const stop = Math.min(limit, at + SHORT_RUN_BYTES)
      let byte = 0
      for (; at < stop; at++) {
        byte = bytes[at]!
        if (endsRun[byte] === 1) break
        seen |= byte
      }
      if (at === stop) {
        at = this.#runEnd(at)
        if (at >= limit) return this.#fail(limit, 'the closing quote of the string')
        byte = bytes[at]!
      }
      if (byte === QUOTE) {
        this.#seen |= seen
        return at + 1
      }
      if (byte !== BACKSLASH) return this.#fail(at, 'an escape such as \\n (control characters are not allowed raw)')
      this.escaped = true
      at = at + 1 < limit && isShortEscape[bytes[at + 1]!] === 1 ? at + 2 : this.#unicodeEscapeEnd(at)
      if (at === FAULT) return FAULT
    }
  }

  /** The first byte from `start` on that is not plain string content; it may lie beyond the limit. */
  #runEnd(start: number): number {
    const view = this.#view
    const lastWord = view.byteLength - 4
    let at = start
    let seen = 0
    while (at <= lastWord) {
      const word = view.getInt32(at, true)
      const found = specialBytesInWord(word)
      if (found !== 0) {
        this.#seen |= seen | bytesBefore(word, found)
        return at + firstByteFound(found)
      }
      seen |= word
      at += 4
    }
    while (at < this.limit) {
      const byte = this.bytes[at]!
      if (byte === QUOTE || byte === BACKSLASH || byte < SPACE) break
      seen |= byte
      at++
    }
    this.#seen |= seen
    return at
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

  #numberEnd(start: number): number {
    const { bytes, limit } = this
    const integerAt = bytes[start] === MINUS ? start + 1 : start
    let at = integerAt
    while (at < limit && isDigit[bytes[at]!] === 1) at++
    if (at === integerAt) return this.#fail(at, 'a digit')
    // Whoever expects the end of a number after a leading zero reports the digit that follows.
    if (bytes[integerAt] === ZERO) at = integerAt + 1
    const magnitude = at - integerAt
    let byte = this.#byteAt(at)
    if (byte === DOT) {
      const fractionAt = at + 1
      at = fractionAt
      while (at < limit && isDigit[bytes[at]!] === 1) at++
      if (at === fractionAt) return this.#fail(at, 'a digit')
      byte = this.#byteAt(at)
    }
    if (byte === LOWER_E || byte === UPPER_E) return this.#exponentEnd(start, at, magnitude)
    if (magnitude > MAX_FINITE_DIGITS) this.#noteInfinite(start, at)
    return at
  }

  #exponentEnd(start: number, letterAt: number, integerDigits: number): number {
    const { bytes, limit } = this
    const sign = this.#byteAt(letterAt + 1)
    const exponentAt = sign === PLUS || sign === MINUS ? letterAt + 2 : letterAt + 1
    let at = exponentAt
    let exponent = 0
    while (at < limit && isDigit[bytes[at]!] === 1) {
      exponent = Math.min(exponent * 10 + bytes[at]! - ZERO, MAX_FINITE_DIGITS + 1)
      at++
    }
    if (at === exponentAt) return this.#fail(at, 'a digit')
    if (integerDigits + (sign === MINUS ? 0 : exponent) > MAX_FINITE_DIGITS) this.#noteInfinite(start, at)
    return at
  }

  #noteInfinite(start: number, end: number): void {
    if (this.infiniteNumberAt >= 0) return
    const text = Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, end - start).toString('latin1')
    if (!Number.isFinite(Number(text))) this.infiniteNumberAt = start
  }

  #byteAt(at: number): number {
    return at < this.limit ? this.bytes[at]! : END
  }

  /** The end of a literal whose last four letters begin at `wordAt`. */
  #literalEnd(wordAt: number, word: number, literal: string): number {
    if (wordAt + 4 <= this.limit && this.#view.getInt32(wordAt, true) === word) return wordAt + 4
    return this.#fail(wordAt + 4 - literal.length, `a value (${literal}?)`)
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

import * as json from './json-bytes.ts'

// An imported binding is read from memory at each use; these are constants to the compiler.
const { BACKSLASH, CLOSE_BRACE, COLON, COMMA, DOT, OPEN_BRACE, OPEN_BRACKET, QUOTE, SPACE, ZERO } = json
const EXPONENT_LETTER = json.LOWER_E
const LOWER_CASE = 0x20

/** A position that does not exist: something needs a closer look. */
const UNUSUAL = -1

/** Between two looks at the end of the text, no more bytes than these are read. */
const SLACK_BYTES = 3

/** Longer runs of string content are read a word at a time. */
const SHORT_RUN_BYTES = 8

/** More digits may be more than a double holds. */
const MANY_DIGITS = 308

/** As many levels as the exact scan takes. */
const closings = new Uint8Array(65)

const isSpace = new Uint8Array(256)
for (const byte of ' \n\r\t') isSpace[byte.charCodeAt(0)] = 1

const isDigit = new Uint8Array(256).fill(1, ZERO, json.NINE + 1)

/** 1 for plain ASCII string content. */
const isPlain = new Uint8Array(256).fill(1, SPACE, 0x80)
isPlain[QUOTE] = 0
isPlain[BACKSLASH] = 0

/** The text, and what the scan asks for where it meets what is less usual. Both return −1 where the text is wrong. */
export interface ScannedText {
  readonly bytes: Uint8Array
  readonly view: DataView
  /** The text ends before this position. */
  readonly limit: number
  /** The end of a string, from a byte within it on. */
  stringRestEnd(at: number): number
  /** The end of the string, number or word that begins there with this byte. */
  scalarEnd(at: number, first: number): number
}

/**
 * The end of the object or array that begins at `start`, if it is valid; −1 where the exact scan has to say what is wrong,
 * and where the text ends right behind it.
 *
 * This loop sees every byte that is published. It is as fast as it is (three times an exact scan with a method a token)
 * because its few calls are plain functions that the compiler can put in their place, positions stay in registers, and the
 * end of the text is looked at once a token: bytes up to SLACK_BYTES behind the limit may be read and then count for
 * nothing.
 */
export function containerEnd(scanner: ScannedText, start: number): number {
  const { bytes, view, limit } = scanner
  const stop = Math.min(limit, bytes.length - SLACK_BYTES)
  let at = start
  let depth = 0
  let close = 0
  while (at < stop) {
    let byte = bytes[at]!
    if (byte === QUOTE) {
      at++
      const wordsAt = at + SHORT_RUN_BYTES < stop ? at + SHORT_RUN_BYTES : stop
      while (at < wordsAt && isPlain[bytes[at]!] === 1) at++
      if (at === wordsAt) at = plainWordsEnd(view, at, stop)
      at = bytes[at] === QUOTE ? at + 1 : scanner.stringRestEnd(at)
    } else if (isDigit[byte] === 1) {
      const numberAt = at
      do at++
      while (at < stop && isDigit[bytes[at]!] === 1)
      if (bytes[at] === DOT) {
        do at++
        while (at < stop && isDigit[bytes[at]!] === 1)
        if (bytes[at - 1] === DOT) return UNUSUAL
      }
      if (byte === ZERO && at > numberAt + 1 && bytes[numberAt + 1] !== DOT) return UNUSUAL
      if ((bytes[at]! | LOWER_CASE) === EXPONENT_LETTER || at - numberAt > MANY_DIGITS)
        at = scanner.scalarEnd(numberAt, byte)
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (depth === closings.length - 1) return UNUSUAL
      close = byte + 2
      closings[++depth] = close
      at++
      if (bytes[at]! <= SPACE) at = spaceEnd(bytes, at, stop)
      if (bytes[at] !== close) {
        if (close === CLOSE_BRACE) at = nameEnd(scanner, bytes, at, stop)
        if (at < 0) return UNUSUAL
        continue
      }
    } else {
      at = scanner.scalarEnd(at, byte)
    }
    if (at < 0 || at >= stop) return UNUSUAL
    if (bytes[at]! <= SPACE) at = spaceEnd(bytes, at, stop)
    byte = bytes[at]!
    while (byte === close) {
      at++
      if (--depth === 0) return at <= limit ? at : UNUSUAL
      if (at >= stop) return UNUSUAL
      close = closings[depth]!
      if (bytes[at]! <= SPACE) at = spaceEnd(bytes, at, stop)
      byte = bytes[at]!
    }
    if (byte !== COMMA) return UNUSUAL
    at++
    if (bytes[at]! <= SPACE) at = spaceEnd(bytes, at, stop)
    if (close === CLOSE_BRACE) at = nameEnd(scanner, bytes, at, stop)
    if (at < 0) return UNUSUAL
  }
  return UNUSUAL
}

/** From the name of a member to its value. */
function nameEnd(scanner: ScannedText, bytes: Uint8Array, start: number, stop: number): number {
  let at = start
  if (at >= stop || bytes[at] !== QUOTE) return UNUSUAL
  at++
  while (at < stop && isPlain[bytes[at]!] === 1) at++
  at = bytes[at] === QUOTE ? at + 1 : scanner.stringRestEnd(at)
  if (at < 0 || at >= stop) return UNUSUAL
  if (bytes[at]! <= SPACE) at = spaceEnd(bytes, at, stop)
  if (bytes[at] !== COLON) return UNUSUAL
  at++
  return bytes[at]! <= SPACE ? spaceEnd(bytes, at, stop) : at
}

function spaceEnd(bytes: Uint8Array, start: number, stop: number): number {
  let at = start
  while (at < stop && isSpace[bytes[at]!] === 1) at++
  return at
}

const QUOTES = 0x22222222
const BACKSLASHES = 0x5c5c5c5c
const MOST = 0x7f7f7f7f
const TO_TOP_BIT = 0x60606060

/** Goes on over plain string content; up to three plain bytes before `stop` may be left. */
function plainWordsEnd(view: DataView, start: number, stop: number): number {
  let at = start
  for (const lastWord = stop - 4; at <= lastWord; at += 4) {
    const word = view.getInt32(at, true)
    const plain = ((word ^ QUOTES) + MOST) & ((word ^ BACKSLASHES) + MOST) & (word + TO_TOP_BIT) & ~word
    const found = ~plain & 0x80808080
    if (found !== 0) return at + ((31 - Math.clz32(found & -found)) >> 3)
  }
  return at
}

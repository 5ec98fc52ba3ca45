import { BACKSLASH, QUOTE, SPACE } from './json-bytes.ts'

/**
 * Of four bytes of a JSON string, finds those that are not plain content: quote, backslash and control characters. Four
 * at a time is twice as fast as one by one.
 *
 * The lowest top bit that is set in the result belongs to the first such byte (`firstByteFound`); bits above it mean
 * nothing, since a borrow may have set them.
 */
export function specialBytesInWord(word: number): number {
  const quote = word ^ 0x22222222
  const backslash = word ^ 0x5c5c5c5c
  const found =
    ((quote - 0x01010101) & ~quote) | ((backslash - 0x01010101) & ~backslash) | ((word - 0x20202020) & ~word)
  return found & 0x80808080
}

/** Which of the four bytes, from 0, was the first found. */
export function firstByteFound(found: number): number {
  return (31 - Math.clz32(found & -found)) >> 3
}

/** The top bits of a word's four bytes: none is set where all are ASCII. */
export const NOT_ASCII = 0x80808080

const QUOTES = 0x22222222
const BACKSLASHES = 0x5c5c5c5c
const MOST = 0x7f7f7f7f
/** Carries a byte from SPACE on into its top bit. */
const FROM_SPACE = 0x60606060

/** Short runs end before a word was worth its while. */
const BY_BYTE = 8

/** 1 for plain ASCII string content: no quote, backslash or control byte. */
const isPlain = new Uint8Array(256).fill(1, SPACE, 0x80)
isPlain[QUOTE] = 0
isPlain[BACKSLASH] = 0

/** The end of the run of plain ASCII string content at `start`. */
export function plainRunEnd(bytes: Uint8Array, view: DataView, start: number, limit: number): number {
  const stop = Math.min(limit, start + BY_BYTE)
  let at = start
  while (at < stop && isPlain[bytes[at]!] === 1) at++
  return at === stop ? plainWordsEnd(bytes, view, at, limit) : at
}

/** The same without a look at single bytes first. */
function plainWordsEnd(bytes: Uint8Array, view: DataView, start: number, limit: number): number {
  let at = start
  for (const lastWord = limit - 4; at <= lastWord; at += 4) {
    const word = view.getInt32(at, true)
    // In a plain byte all four have the top bit set; only a byte that is not ASCII carries into the next one.
    const plain = ((word ^ QUOTES) + MOST) & ((word ^ BACKSLASHES) + MOST) & (word + FROM_SPACE) & ~word
    const found = ~plain & NOT_ASCII
    if (found !== 0) return at + firstByteFound(found)
  }
  while (at < limit && isPlain[bytes[at]!] === 1) at++
  return at
}

import assert from 'node:assert/strict'
import { BACKSLASH, LOWER_U, isHighSurrogate, isLowSurrogate, utf16UnitAt } from './json-bytes.ts'

/** The byte a short escape stands for, by its letter. */
const shortEscape = new Uint8Array(256)
for (const [letter, meaning] of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t']) {
  shortEscape[letter!.charCodeAt(0)] = meaning!.charCodeAt(0)
}

/**
 * Turns the content of a JSON string (without its quotes) into the UTF-8 it stands for, in place, and returns its new
 * end. It never grows: an escape of 6 bytes is at most 3 bytes of UTF-8, a surrogate pair's 12 are 4.
 *
 * The content must be valid and hold no lone surrogate: `JsonScanner` tells both.
 */
export function unescapeInPlace(bytes: Uint8Array, start: number, end: number): number {
  let from = start
  while (from < end && bytes[from] !== BACKSLASH) from++
  let to = from
  while (from < end) {
    const byte = bytes[from]!
    if (byte !== BACKSLASH) {
      bytes[to++] = byte
      from++
      continue
    }
    const letter = bytes[from + 1]!
    if (letter !== LOWER_U) {
      bytes[to++] = shortEscape[letter]!
      from += 2
      continue
    }
    const unit = utf16UnitAt(bytes, from + 2, end)
    from += 6
    let codePoint = unit
    if (isHighSurrogate(unit)) {
      codePoint = 0x10000 + ((unit - 0xd800) << 10) + (utf16UnitAt(bytes, from + 2, end) - 0xdc00)
      from += 6
    }
    assert(unit >= 0 && !isLowSurrogate(unit), 'only scanned strings without lone surrogates are unescaped')
    to = writeUtf8(bytes, to, codePoint)
  }
  return to
}

function writeUtf8(bytes: Uint8Array, at: number, codePoint: number): number {
  let to = at
  if (codePoint < 0x80) {
    bytes[to++] = codePoint
    return to
  }
  if (codePoint < 0x800) {
    bytes[to++] = 0xc0 | (codePoint >> 6)
  } else {
    if (codePoint < 0x10000) {
      bytes[to++] = 0xe0 | (codePoint >> 12)
    } else {
      bytes[to++] = 0xf0 | (codePoint >> 18)
      bytes[to++] = 0x80 | ((codePoint >> 12) & 0x3f)
    }
    bytes[to++] = 0x80 | ((codePoint >> 6) & 0x3f)
  }
  bytes[to++] = 0x80 | (codePoint & 0x3f)
  return to
}

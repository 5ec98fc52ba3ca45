import { DOT, LOWER_E, MINUS, NINE, PLUS, UPPER_E, ZERO } from './json-bytes.ts'

/** A double reaches 1.8e308: only what may have more digits before the point needs the exact conversion. */
const MAX_FINITE_DIGITS = 308

const isDigit = new Uint8Array(256).fill(1, ZERO, NINE + 1)

/** The end of the run of digits at `start`, which may be empty. */
export function digitsEnd(bytes: Uint8Array, start: number, limit: number): number {
  let at = start
  while (at < limit && isDigit[bytes[at]!] === 1) at++
  return at
}

/** The end of the number at `start`, or `~at` where a digit is missing at `at`. */
export function numberEnd(bytes: Uint8Array, start: number, limit: number): number {
  const integerAt = bytes[start] === MINUS ? start + 1 : start
  let at = digitsEnd(bytes, integerAt, limit)
  if (at === integerAt) return ~at
  // Whoever expects the end of a number after a leading zero reports the digit that follows.
  if (bytes[integerAt] === ZERO) at = integerAt + 1
  if (at < limit && bytes[at] === DOT) {
    const fractionAt = at + 1
    at = digitsEnd(bytes, fractionAt, limit)
    if (at === fractionAt) return ~at
  }
  if (at === limit || !isExponentLetter(bytes[at]!)) return at
  const sign = at + 1 < limit ? bytes[at + 1]! : 0
  const exponentAt = sign === PLUS || sign === MINUS ? at + 2 : at + 1
  at = digitsEnd(bytes, exponentAt, limit)
  return at === exponentAt ? ~at : at
}

/** Whether the number [start, end) is beyond what a double holds. */
export function isInfinite(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start <= MAX_FINITE_DIGITS && !hasExponent(bytes, start, end)) return false
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
  return !Number.isFinite(Number(text))
}

function hasExponent(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (isExponentLetter(bytes[at]!)) return true
  return false
}

function isExponentLetter(byte: number): boolean {
  return byte === LOWER_E || byte === UPPER_E
}

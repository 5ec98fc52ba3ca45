/** The bytes that JSON is made of (RFC 8259 §2, §7). */
export const TAB = 0x09
export const LINE_FEED = 0x0a
export const CARRIAGE_RETURN = 0x0d
export const SPACE = 0x20
export const QUOTE = 0x22
export const PLUS = 0x2b
export const COMMA = 0x2c
export const MINUS = 0x2d
export const DOT = 0x2e
export const ZERO = 0x30
export const NINE = 0x39
export const COLON = 0x3a
export const UPPER_E = 0x45
export const OPEN_BRACKET = 0x5b
export const BACKSLASH = 0x5c
export const CLOSE_BRACKET = 0x5d
export const LOWER_E = 0x65
export const LOWER_F = 0x66
export const LOWER_N = 0x6e
export const LOWER_T = 0x74
export const LOWER_U = 0x75
export const OPEN_BRACE = 0x7b
export const CLOSE_BRACE = 0x7d

/** The value of each hexadecimal digit; −1 for any other byte. */
export const hexValue = new Int8Array(256).fill(-1)
for (const [index, digit] of Array.from('0123456789abcdef').entries()) {
  hexValue[digit.charCodeAt(0)] = index
  hexValue[digit.toUpperCase().charCodeAt(0)] = index
}

/** The UTF-16 unit of the four hexadecimal digits at `at`, or −1 if they are not four digits before `limit`. */
export function utf16UnitAt(bytes: Uint8Array, at: number, limit: number): number {
  if (at + 4 > limit) return -1
  const high = (hexValue[bytes[at]!]! << 4) | hexValue[bytes[at + 1]!]!
  const low = (hexValue[bytes[at + 2]!]! << 4) | hexValue[bytes[at + 3]!]!
  return high < 0 || low < 0 ? -1 : (high << 8) | low
}

export function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

export function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}

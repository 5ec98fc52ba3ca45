import { LINE_FEED } from './json-bytes.ts'

const MAX_EXCERPT_BYTES = 80

/** The text of bytes [start, end) to show in an error: cut to about 80 bytes, at a character's end. */
export function excerpt(bytes: Buffer, start: number, end: number): string {
  if (end - start <= MAX_EXCERPT_BYTES) return bytes.toString('utf8', start, end)
  let cut = start + MAX_EXCERPT_BYTES
  while (cut > start && (bytes[cut]! & 0xc0) === 0x80) cut--
  return `${bytes.toString('utf8', start, cut)}…`
}

/** Where a byte stands: lines and columns count from 1 as editors do, columns in characters; the offset from 0 in bytes. */
export interface TextPosition {
  readonly line: number
  readonly column: number
  readonly offset: number
}

export function textPosition(bytes: Uint8Array, offset: number): TextPosition {
  let line = 1
  let lineStart = 0
  for (let at = bytes.indexOf(LINE_FEED); at >= 0 && at < offset; at = bytes.indexOf(LINE_FEED, lineStart)) {
    line++
    lineStart = at + 1
  }
  let column = 1
  for (let at = lineStart; at < offset; at++) if ((bytes[at]! & 0xc0) !== 0x80) column++
  return { line, column, offset }
}

/** A JSON pointer (RFC 6901) from its reference tokens; long names are cut. */
export function jsonPointer(...tokens: readonly (string | number)[]): string {
  return tokens.map((token) => `/${escapeToken(String(token))}`).join('')
}

function escapeToken(token: string): string {
  const shown = token.length > MAX_EXCERPT_BYTES ? `${token.slice(0, MAX_EXCERPT_BYTES).toWellFormed()}…` : token
  return shown.replaceAll('~', '~0').replaceAll('/', '~1')
}

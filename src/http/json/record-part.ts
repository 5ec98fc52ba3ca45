import { LOWER_F, LOWER_N, LOWER_T, OPEN_BRACE, OPEN_BRACKET, QUOTE } from './json-bytes.ts'
import { base64Fault } from './base64-text.ts'
import { excerpt } from './body-excerpt.ts'
import type { RecordFormat } from './record-format.ts'

/** The `kind` of a part that the record does not have. */
export const ABSENT = 0

/** One key, value, header name or header value as it stands in the body. Reused for every record. */
export class RecordPart {
  /** The first byte of its JSON text, which tells its type; ABSENT = no such member. */
  kind = ABSENT
  /** Its JSON text, a string's quotes included. */
  start = 0
  end = 0
  escaped = false
  hasLoneSurrogate = false
  /** The record says that it is base64. */
  base64 = false

  clear(): void {
    this.kind = ABSENT
    this.base64 = false
  }

  get isNull(): boolean {
    return this.kind === ABSENT || this.kind === LOWER_N
  }
}

/** How a part's JSON text becomes the bytes that are stored. */
export const NULL = 0
/** The JSON text itself. */
export const TEXT = 1
/** What is between the quotes. */
export const CHARACTERS = 2
/** The same, with escapes to decode. */
export const ESCAPED_CHARACTERS = 3
/** What base64 text between the quotes stands for. */
export const BASE64 = 4
/** The same, with escapes to decode first. */
export const ESCAPED_BASE64 = 5
/** It cannot be stored as asked: `refusal` says why. */
export const REFUSED = 6

export function storedFormOf(part: RecordPart, format: RecordFormat): number {
  const { kind } = part
  if (kind === ABSENT || kind === LOWER_N) return NULL
  const wantsBase64 = part.base64 || format === 'base64'
  if (kind === QUOTE) {
    if (format === 'json' && !wantsBase64) return TEXT
    if (part.hasLoneSurrogate) return REFUSED
    if (wantsBase64) return part.escaped ? ESCAPED_BASE64 : BASE64
    return part.escaped ? ESCAPED_CHARACTERS : CHARACTERS
  }
  if (wantsBase64 || format === 'string') return REFUSED
  return format === 'json' || kind === OPEN_BRACE || kind === OPEN_BRACKET ? TEXT : REFUSED
}

/** Why a part is REFUSED, and the remedy. `name` is the member's: `key`, `value`. */
export function refusal(part: RecordPart, format: RecordFormat, name: string, body: Buffer): string {
  const text = excerpt(body, part.start, part.end)
  if (part.hasLoneSurrogate) {
    return `${text} has a surrogate escape without its partner, which has no UTF-8. Send both halves of the pair${name === 'key' || name === 'value' ? `, or use ${name}Format=json, which keeps the escape as it is` : ''}.`
  }
  const type = jsonType(part.kind)
  if (part.base64)
    return `${text} is ${type}, but ${name}Encoding says base64. Send a base64 string, or leave ${name}Encoding out.`
  if (format === 'base64') return `${text} is ${type}. With format=base64 the ${name} is a base64 string.`
  if (format === 'string')
    return `${text} is ${type}. With format=string the ${name} is a string; use format=json for any JSON.`
  return `${text} is ${type}, which could not be told from a string when read. Send the string "${text}", or use format=json when publishing and when reading.`
}

/** Why [start, end) of the body, a part said to be base64, is refused, or undefined if it is base64. */
export function base64Refusal(body: Buffer, start: number, end: number): string | undefined {
  const fault = base64Fault(body, start, end)
  if (fault === undefined) return undefined
  return `"${excerpt(body, start, end)}" is not base64: ${fault}. Use RFC 4648's standard alphabet with padding, without line breaks: "aGVsbG8=" for hello.`
}

/** The type of JSON text by its first byte, with its article. */
export function jsonType(first: number): string {
  switch (first) {
    case QUOTE:
      return 'a string'
    case OPEN_BRACE:
      return 'an object'
    case OPEN_BRACKET:
      return 'an array'
    case LOWER_T:
    case LOWER_F:
      return 'a boolean'
    case LOWER_N:
      return 'null'
    default:
      return 'a number'
  }
}

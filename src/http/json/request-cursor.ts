import { isUtf8 } from 'node:buffer'
import { BrokerError } from '../../broker/broker-error.ts'
import { excerpt, jsonPointer, textPosition, type TextPosition } from './body-excerpt.ts'
import { BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, MINUS, NINE, QUOTE, SPACE, ZERO } from './json-bytes.ts'
import { END, JsonScanner } from './json-scanner.ts'
import type { MemberNames } from './member-names.ts'
import type { RecordPart } from './record-part.ts'
import { firstInvalidUtf8 } from './utf8-validity.ts'

/** 1 for the bytes of names without escapes: all but quote, backslash and control characters. */
const isNameByte = new Uint8Array(256).fill(1, SPACE)
isNameByte[QUOTE] = 0
isNameByte[BACKSLASH] = 0

/**
 * Goes through JSON text of a request token by token: its body, or one line after the other of it. What is not JSON ends
 * the request with INVALID_JSON, what is nested too deep with INVALID_REQUEST.
 */
export class RequestCursor {
  readonly body: Buffer
  readonly #scanner: JsonScanner
  /** The record being read, for the pointer of an error; −1 outside. */
  record = -1
  /** The newest member name, with its quotes. */
  nameStart = 0
  nameEnd = 0

  /** The text lies between them. */
  #start = 0
  #end: number
  /** Which line of the body it begins in. */
  #line = 1
  readonly #noun: 'body' | 'line'

  /** @param noun what the text is to its client: with `line`, `moveTo` tells which */
  constructor(body: Buffer, noun: 'body' | 'line' = 'body') {
    this.body = body
    this.#noun = noun
    this.#end = body.length
    this.#scanner = new JsonScanner(body, startsWithByteOrderMark(body) ? 3 : 0)
    if (noun === 'body') this.#checkUtf8()
  }

  /** Goes on with the line from `start` to `end`, which has this number in the body. */
  moveTo(start: number, end: number, line: number): void {
    this.#start = start
    this.#end = end
    this.#line = line
    this.#scanner.position = start
    this.#scanner.limit = end
    this.#checkUtf8()
  }

  get position(): number {
    return this.#scanner.position
  }

  set position(position: number) {
    this.#scanner.position = position
  }

  /** Moves to the next token, and returns its first byte, or END. */
  next(): number {
    return this.#scanner.skipWhitespace()
  }

  /** At "{": moves to the first member name; false if there is none, the cursor is then behind "}". */
  enterObject(): boolean {
    this.#scanner.position++
    if (this.next() !== CLOSE_BRACE) return true
    this.#scanner.position++
    return false
  }

  /** Behind a member's value: moves to the next member name; false after the last, behind "}". */
  nextMember(): boolean {
    return this.#separator(CLOSE_BRACE, '"," or "}"')
  }

  /** At "[": moves to the first element; false if there is none, the cursor is then behind "]". */
  enterArray(): boolean {
    this.#scanner.position++
    if (this.next() !== CLOSE_BRACKET) return true
    this.#scanner.position++
    return false
  }

  /** Behind an element: moves to the next; false after the last, behind "]". */
  nextElement(): boolean {
    return this.#separator(CLOSE_BRACKET, '"," or "]"')
  }

  /** Moves over a member's name to its value; returns the name's index, or −1 if it is none of them. */
  readName(names: MemberNames): number {
    const { body } = this
    const limit = this.#end
    const scanner = this.#scanner
    const start = scanner.position
    let end = start + 1
    while (end < limit && isNameByte[body[end]!] === 1) end++
    // Names as most clients write them; whatever is unusual goes the long way.
    if (end + 1 >= limit || body[start] !== QUOTE || body[end] !== QUOTE || body[end + 1] !== COLON) {
      return this.#readUnusualName(names)
    }
    this.nameStart = start
    this.nameEnd = end + 1
    scanner.position = end + 2
    return names.find(body, start + 1, end)
  }

  #readUnusualName(names: MemberNames): number {
    const scanner = this.#scanner
    if (this.next() !== QUOTE) return this.#refuse('a member name in double quotes')
    this.nameStart = scanner.position
    if (!scanner.skipString()) this.#refuseFault()
    this.nameEnd = scanner.position
    if (this.next() !== COLON) return this.#refuse('":"')
    scanner.position++
    return names.findText(this.nameText())
  }

  /** The newest member name. */
  nameText(): string {
    const name: unknown = JSON.parse(this.body.toString('utf8', this.nameStart, this.nameEnd))
    return String(name).toWellFormed()
  }

  /**
   * Moves over the value at the cursor and fills `part` with where and what it is. `member` is what to call it, in the
   * record, if it cannot be taken.
   */
  take(part: RecordPart, member = ''): void {
    const scanner = this.#scanner
    const first = this.next()
    part.kind = first
    part.start = scanner.position
    scanner.escaped = false
    scanner.loneSurrogateAt = -1
    if (!(first === QUOTE ? scanner.skipString() : scanner.skipValue(first))) this.#refuseFault(member)
    part.escaped = scanner.escaped
    part.hasLoneSurrogate = scanner.loneSurrogateAt >= 0
    part.end = scanner.position
  }

  /** Nothing but white space may follow. */
  end(): void {
    if (this.next() !== END) this.#refuse(`the end of the ${this.#noun}`)
  }

  /** A request that cannot go on, though its JSON may be right. */
  refuse(detail: string, pointer: string): never {
    throw new BrokerError('INVALID_REQUEST', detail, { stored: 'no', errors: [{ pointer, detail }], errorCount: 1 })
  }

  #separator(close: number, expected: string): boolean {
    const { body } = this
    const at = this.#scanner.position
    // Without white space, which is the common case, no call is needed.
    if (at + 1 < this.#end && body[at] === COMMA && body[at + 1]! > SPACE && body[at + 1] !== close) {
      this.#scanner.position = at + 1
      return true
    }
    const byte = this.next()
    if (byte !== COMMA && byte !== close) this.#refuse(expected)
    this.#scanner.position++
    if (byte === close) return false
    // Else a comma before the closing bracket would be reported as a missing value.
    if (this.next() === close) this.#refuse('another entry after the comma')
    return true
  }

  #refuseFault(member = ''): never {
    if (!this.#scanner.tooDeep) this.#refuse(this.#scanner.expected)
    const { line, column } = this.#positionOf(this.#scanner.position)
    return this.refuse(
      `Line ${line}, column ${column}: ${this.#scanner.expected} are allowed in a key or value. Flatten it, or send its JSON text as a string.`,
      member === '' ? this.#pointer() : `${this.#pointer()}/${member}`,
    )
  }

  #refuse(expected: string): never {
    const { body } = this
    const end = this.#end
    const at = this.#scanner.position
    const position = this.#positionOf(at)
    const found = at < end ? excerpt(body, at, Math.min(at + 24, tokenEnd(body, at, end))) : ''
    const shown = found === '' ? `the ${this.#noun} ends` : `found ${found}`
    const detail = `${placeOf(position)}: ${shown} where ${expected} was expected.${remedy(found)}`
    throw invalidJson(detail, this.#pointer(), position)
  }

  #checkUtf8(): void {
    const whole = this.#start === 0 && this.#end === this.body.length
    const text = whole ? this.body : this.body.subarray(this.#start, this.#end)
    if (isUtf8(text)) return
    const at = this.#start + firstInvalidUtf8(text)
    const position = this.#positionOf(at)
    const byte = this.body[at]!.toString(16).padStart(2, '0')
    const detail = `${placeOf(position)}: the byte 0x${byte} is not UTF-8 there. JSON is UTF-8; send other bytes as base64 with "valueEncoding":"base64".`
    throw invalidJson(detail, '', position)
  }

  #positionOf(at: number): TextPosition {
    const { line, ...place } = textPosition(this.body.subarray(this.#start, this.#end), at - this.#start)
    return { line: line + this.#line - 1, ...place }
  }

  #pointer(): string {
    return this.record < 0 ? '' : jsonPointer('records', this.record)
  }
}

function placeOf({ line, column, offset }: TextPosition): string {
  return `Line ${line}, column ${column} (byte ${offset})`
}

function invalidJson(detail: string, pointer: string, position: TextPosition): BrokerError {
  return new BrokerError('INVALID_JSON', detail, {
    stored: 'no',
    errors: [{ pointer, detail }],
    errorCount: 1,
    facts: { ...position },
  })
}

/** RFC 8259 §8.1 lets a parser ignore it, and some editors and shells write one. */
export function startsWithByteOrderMark(body: Buffer): boolean {
  return body.length >= 3 && body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf
}

/** End of what a reader would take for one token: a run of word characters, or one character. */
function tokenEnd(body: Buffer, start: number, limit: number): number {
  let end = start
  while (end < limit && isWordByte(body[end]!)) end++
  if (end > start) return end
  end++
  while (end < limit && (body[end]! & 0xc0) === 0x80) end++
  return end
}

function isWordByte(byte: number): boolean {
  const lower = byte | 0x20
  return (byte >= ZERO && byte <= NINE) || (lower >= 0x61 && lower <= 0x7a) || byte === MINUS || byte === 0x5f
}

function remedy(found: string): string {
  if (found.startsWith("'")) return ' Strings and names take double quotes.'
  if (found === 'NaN' || found.endsWith('Infinity')) return ' JSON has no such number: send a string or null.'
  if (/^(True|False|None|undefined)$/.test(found)) return ' The literals of JSON are true, false and null.'
  if (found === '/' || found === '#') return ' JSON has no comments.'
  return ''
}

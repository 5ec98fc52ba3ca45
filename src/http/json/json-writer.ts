import { NOT_ASCII, specialBytesInWord } from './string-run.ts'
import { BACKSLASH, CARRIAGE_RETURN, LINE_FEED, MINUS, QUOTE, SPACE, ZERO } from './json-bytes.ts'

/** The letter of each byte's short escape; 1 = needs `\u00XX`; 0 = stands for itself (RFC 8259 §7). */
const escapeLetter = new Uint8Array(256).fill(1, 0, SPACE)
for (const [byte, letter] of ['""', '\\\\', '\bb', '\ff', '\nn', '\rr', '\tt']) {
  escapeLetter[byte!.charCodeAt(0)] = letter!.charCodeAt(0)
}
const HEX_DIGITS = Buffer.from('0123456789abcdef')
const LONGEST_ESCAPE_BYTES = 6
/** A safe integer has 16 digits, and may have a sign. */
const LONGEST_INTEGER_BYTES = 17
/** Below this a loop is faster than the call of a native copy. */
const SHORT_COPY_BYTES = 48
const WORD_BYTES = 4
const BILLION = 1_000_000_000

/** JSON text that is written often, as words to copy. */
export class JsonText {
  readonly words: Int32Array
  readonly length: number

  constructor(text: string) {
    const bytes = Buffer.from(text)
    this.length = bytes.length
    this.words = new Int32Array(Math.ceil(bytes.length / WORD_BYTES))
    const padded = Buffer.concat([bytes], this.words.length * WORD_BYTES)
    for (let i = 0; i < this.words.length; i++) this.words[i] = padded.readInt32LE(i * WORD_BYTES)
  }
}

/** JSON text under construction, in a buffer that grows. What is written must add up to JSON: nothing is checked. */
export class JsonWriter {
  #buffer: Buffer
  #view: DataView
  /** Bytes written. May be set back to an earlier value, to drop what was written since. */
  length = 0

  constructor(capacityBytes = 4096) {
    this.#buffer = Buffer.allocUnsafeSlow(capacityBytes)
    this.#view = new DataView(this.#buffer.buffer)
  }

  /** What has been written; valid until the next write. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.length)
  }

  /** Memory taken by what has been written. */
  get capacityBytes(): number {
    return this.#buffer.length
  }

  writeByte(byte: number): void {
    this.#reserve(1)
    this.#buffer[this.length++] = byte
  }

  /** Ready-made JSON text. */
  write(text: JsonText): void {
    const { words, length } = text
    // The last word may write up to three bytes more, which the next write covers.
    this.#reserve(length + WORD_BYTES)
    const view = this.#view
    let to = this.length
    for (let i = 0; i < words.length; i++) {
      view.setInt32(to, words[i]!, true)
      to += WORD_BYTES
    }
    this.length += length
  }

  /** Bytes that are JSON text already. */
  writeBytes(source: Uint8Array, start = 0, end = source.length): void {
    const count = end - start
    this.#reserve(count)
    const buffer = this.#buffer
    let to = this.length
    if (count > SHORT_COPY_BYTES) buffer.set(source.subarray(start, end), to)
    else for (let from = start; from < end; from++) buffer[to++] = source[from]!
    this.length += count
  }

  /** The same, each line break of it as a space: in JSON text they stand between tokens only. */
  writeOnOneLine(source: DataView, start: number, end: number): void {
    this.#reserve(end - start)
    const view = this.#view
    let from = start
    let to = this.length
    while (from < end) {
      for (; from + WORD_BYTES <= end; from += WORD_BYTES) {
        const word = source.getInt32(from, true)
        if (controlBytesInWord(word) !== 0) break
        view.setInt32(to, word, true)
        to += WORD_BYTES
      }
      for (const stop = Math.min(from + WORD_BYTES, end); from < stop; from++) {
        const byte = source.getUint8(from)
        view.setUint8(to++, byte === LINE_FEED || byte === CARRIAGE_RETURN ? SPACE : byte)
      }
    }
    this.length = to
  }

  /** Text that is JSON already. */
  writeText(text: string): void {
    this.#reserve(text.length * 3)
    this.length += this.#buffer.write(text, this.length)
  }

  /** A JavaScript value, as JSON.stringify has it. */
  writeValue(value: unknown): void {
    this.writeText(JSON.stringify(value))
  }

  /** An integer of −2^53 to 2^53. */
  writeInteger(value: number): void {
    this.#reserve(LONGEST_INTEGER_BYTES)
    let magnitude = value
    if (value < 0) {
      this.#buffer[this.length++] = MINUS
      magnitude = -value
    }
    if (magnitude < BILLION) {
      this.#writeDigits(magnitude, digitCount(magnitude))
      return
    }
    const billions = Math.floor(magnitude / BILLION)
    this.#writeDigits(billions, digitCount(billions))
    this.#writeDigits(magnitude - billions * BILLION, 9)
  }

  /**
   * Bytes [start, end) of the source as a JSON string with its quotes; returns whether they are all ASCII. The caller
   * must know, or find out and set `length` back, that other bytes are UTF-8.
   */
  writeString(source: DataView, start: number, end: number): boolean {
    this.#reserve(end - start + 2)
    this.#buffer[this.length++] = QUOTE
    let seen = 0
    let from = start
    while (from < end) {
      const view = this.#view
      let to = this.length
      for (; from + WORD_BYTES <= end; from += WORD_BYTES) {
        const word = source.getInt32(from, true)
        if (specialBytesInWord(word) !== 0) break
        seen |= word
        view.setInt32(to, word, true)
        to += WORD_BYTES
      }
      let byte = 0
      for (; from < end; from++) {
        byte = source.getUint8(from)
        if (escapeLetter[byte] !== 0) break
        seen |= byte
        view.setUint8(to++, byte)
      }
      this.length = to
      if (from === end) break
      this.#reserve(end - from + LONGEST_ESCAPE_BYTES)
      this.length = writeEscape(this.#buffer, to, byte)
      from++
    }
    this.#reserve(1)
    this.#buffer[this.length++] = QUOTE
    return (seen & NOT_ASCII) === 0
  }

  /** Bytes [start, end) as a base64 string with its quotes. */
  writeBase64(source: Buffer, start: number, end: number): void {
    this.#reserve(Math.ceil((end - start) / 3) * 4 + 2)
    const buffer = this.#buffer
    buffer[this.length++] = QUOTE
    this.length += buffer.write(source.toString('base64', start, end), this.length, 'latin1')
    buffer[this.length++] = QUOTE
  }

  #writeDigits(value: number, count: number): void {
    const buffer = this.#buffer
    let rest = value | 0
    for (let at = this.length + count - 1; at >= this.length; at--) {
      const quotient = (rest / 10) | 0
      buffer[at] = ZERO + rest - quotient * 10
      rest = quotient
    }
    this.length += count
  }

  #reserve(count: number): void {
    if (this.#buffer.length - this.length < count) this.#grow(count)
  }

  #grow(count: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.length + count))
    grown.set(this.bytes())
    // At once, not when collected: pages grow through megabytes.
    if (this.#buffer.buffer instanceof ArrayBuffer) this.#buffer.buffer.transfer(0)
    this.#buffer = grown
    this.#view = new DataView(grown.buffer)
  }
}

/** Not 0 if one of the word's four bytes is below SPACE; for others too, seldom. */
function controlBytesInWord(word: number): number {
  return (word - 0x20202020) & ~word & 0x80808080
}

function digitCount(value: number): number {
  let count = 1
  for (let bound = 10; bound <= value; bound *= 10) count++
  return count
}

function writeEscape(buffer: Buffer, at: number, byte: number): number {
  let to = at
  const letter = escapeLetter[byte]!
  buffer[to++] = BACKSLASH
  if (letter !== 1) {
    buffer[to++] = letter
    return to
  }
  buffer[to++] = 0x75
  buffer[to++] = ZERO
  buffer[to++] = ZERO
  buffer[to++] = HEX_DIGITS[byte >> 4]!
  buffer[to++] = HEX_DIGITS[byte & 15]!
  return to
}

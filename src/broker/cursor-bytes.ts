import { crc32 } from 'node:zlib'
import { BrokerError } from './broker-error.ts'

export const MAX_CURSOR_LENGTH = 4096

export function invalidCursor(why: string, pointer = '?cursor'): BrokerError {
  const detail = `The cursor cannot be used: ${why}. Pass a cursor exactly as a reply of the same path gave it, or none.`
  return new BrokerError('INVALID_CURSOR', detail, { errors: [{ pointer, detail }] })
}

/** Bytes of a cursor: numbers are unsigned LEB128, texts their length and their UTF-8. */
export class CursorWriter {
  readonly #bytes: number[] = []

  /** Bytes so far. */
  get length(): number {
    return this.#bytes.length
  }

  number(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.#bytes.push((rest % 0x80) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes.push(rest)
  }

  raw(bytes: Uint8Array): void {
    for (const byte of bytes) this.#bytes.push(byte)
  }

  text(text: string): void {
    const bytes = Buffer.from(text)
    this.number(bytes.length)
    this.raw(bytes)
  }

  bytes(): Buffer {
    return Buffer.from(this.#bytes)
  }

  /** With the checksum, as text. */
  seal(): string {
    const body = this.bytes()
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([body, sum]).toString('base64url')
  }
}

/** Reads what a `CursorWriter` sealed; anything else is INVALID_CURSOR. */
export class CursorReader {
  readonly #bytes: Buffer
  readonly #end: number
  readonly #pointer: string
  #at = 0

  constructor(text: string, pointer: string) {
    this.#pointer = pointer
    if (text.length > MAX_CURSOR_LENGTH) throw this.invalid(`it is longer than ${MAX_CURSOR_LENGTH} characters`)
    const bytes = Buffer.from(text, 'base64url')
    if (bytes.length < 5 || bytes.toString('base64url') !== text) throw this.invalid('it is damaged')
    this.#bytes = bytes
    this.#end = bytes.length - 4
    if (crc32(bytes.subarray(0, this.#end)) !== bytes.readUInt32BE(this.#end)) throw this.invalid('it is damaged')
  }

  invalid(why: string): BrokerError {
    return invalidCursor(why, this.#pointer)
  }

  number(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.raw(1)[0] ?? 0
      value += (byte & 0x7f) * scale
      if (value > Number.MAX_SAFE_INTEGER) throw this.invalid('it is damaged')
      if (byte < 0x80) return value
      scale *= 0x80
    }
  }

  raw(length: number): Buffer {
    const start = this.#at
    this.#at += length
    if (this.#at > this.#end) throw this.invalid('it is damaged')
    return this.#bytes.subarray(start, this.#at)
  }

  text(): string {
    return this.raw(this.number()).toString()
  }

  end(): void {
    if (this.#at !== this.#end) throw this.invalid('it is damaged')
  }
}

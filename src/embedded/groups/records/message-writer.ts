import { writeInt64 } from '../../../codec/int64.ts'
import { unsignedVarintBytes, writeUnsignedVarint } from '../unsigned-varint.ts'

const FIRST_BYTES = 256

/** Writes the parts of Kafka's messages one behind the other; big-endian. */
export class MessageWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES)
  #size = 0

  int8(value: number): void {
    const at = this.#grow(1)
    this.#bytes.writeInt8(value, at)
  }

  int16(value: number): void {
    const at = this.#grow(2)
    this.#bytes.writeInt16BE(value, at)
  }

  int32(value: number): void {
    const at = this.#grow(4)
    this.#bytes.writeInt32BE(value, at)
  }

  int64(value: number): void {
    const at = this.#grow(8)
    writeInt64(this.#bytes, at, value)
  }

  uvarint(value: number): void {
    const at = this.#grow(unsignedVarintBytes(value))
    writeUnsignedVarint(this.#bytes, at, value)
  }

  /** STRING: an int16 length and the UTF-8. */
  string(text: string): void {
    const size = Buffer.byteLength(text)
    this.int16(size)
    const at = this.#grow(size)
    this.#bytes.write(text, at)
  }

  /** COMPACT_STRING, or COMPACT_NULLABLE_STRING: the length + 1 (0 = null) as a varint, and the UTF-8. */
  compactString(text: string | null): void {
    if (text === null) {
      this.uvarint(0)
      return
    }
    const size = Buffer.byteLength(text)
    this.uvarint(size + 1)
    const at = this.#grow(size)
    this.#bytes.write(text, at)
  }

  /** 22 characters of base64url. */
  uuid(id: string): void {
    const at = this.#grow(16)
    this.#bytes.fill(0, at, at + 16)
    this.#bytes.write(id, at, 16, 'base64url')
  }

  /** Before the elements of a COMPACT_ARRAY. */
  count(elements: number): void {
    this.uvarint(elements + 1)
  }

  /** The tagged fields that every struct of a flexible version ends with, where it has none. */
  noTags(): void {
    this.uvarint(0)
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#size)
  }

  /** Returns where the new bytes begin. */
  #grow(bytes: number): number {
    const at = this.#size
    this.#size += bytes
    if (this.#size > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#size, this.#bytes.length * 2))
      this.#bytes.copy(grown, 0, 0, at)
      this.#bytes = grown
    }
    return at
  }
}

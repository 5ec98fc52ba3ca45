import { readInt64 } from '../../../codec/int64.ts'
import { UnsignedVarintReader } from '../unsigned-varint.ts'

/**
 * Reads the parts of Kafka's messages one behind the other. What does not fit the bytes sets `failed`; what is read from
 * then on is 0, empty or null, and means nothing.
 */
export class MessageReader {
  failed = false
  readonly #bytes: Buffer
  readonly #varints = new UnsignedVarintReader()
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Whether all bytes were read, and each fitted. */
  get complete(): boolean {
    return !this.failed && this.#at === this.#bytes.length
  }

  int8(): number {
    const at = this.#take(1)
    return this.failed ? 0 : this.#bytes.readInt8(at)
  }

  int16(): number {
    const at = this.#take(2)
    return this.failed ? 0 : this.#bytes.readInt16BE(at)
  }

  int32(): number {
    const at = this.#take(4)
    return this.failed ? 0 : this.#bytes.readInt32BE(at)
  }

  int64(): number {
    const at = this.#take(8)
    return this.failed ? 0 : readInt64(this.#bytes, at)
  }

  uvarint(): number {
    if (this.failed) return 0
    this.#varints.start(this.#bytes, this.#at, this.#bytes.length)
    const value = this.#varints.next()
    this.#at = this.#varints.position
    this.failed = this.#varints.failed
    return value
  }

  string(): string {
    return this.#text(this.int16())
  }

  compactString(): string | null {
    const size = this.uvarint() - 1
    return size < 0 || this.failed ? null : this.#text(size)
  }

  /** COMPACT_STRING that may not be null. */
  compactText(): string {
    const text = this.compactString()
    if (text === null) this.failed = true
    return text ?? ''
  }

  uuid(): string {
    const at = this.#take(16)
    return this.failed ? '' : this.#bytes.toString('base64url', at, at + 16)
  }

  /** The elements of a COMPACT_ARRAY. */
  array<Element>(read: () => Element): Element[] {
    const count = this.uvarint() - 1
    // Each element has at least a byte: a number beyond that is damage, and must not take memory.
    if (count < 0 || count > this.#bytes.length - this.#at) this.failed = true
    const elements: Element[] = []
    for (let index = 0; index < count && !this.failed; index++) elements.push(read())
    return elements
  }

  /** The tagged fields that end a struct. `read` reads one and says so by true; others are passed over. */
  tags(read: (tag: number) => boolean = () => false): void {
    for (let left = this.uvarint(); left > 0 && !this.failed; left--) {
      const tag = this.uvarint()
      const size = this.uvarint()
      const end = this.#at + size
      if (end > this.#bytes.length) this.failed = true
      else if (!read(tag)) this.#at = end
      else if (this.#at !== end) this.failed = true
    }
  }

  #text(size: number): string {
    const at = this.#take(size)
    return this.failed ? '' : this.#bytes.toString('utf8', at, at + size)
  }

  #take(size: number): number {
    const at = this.#at
    if (size < 0 || at + size > this.#bytes.length) this.failed = true
    else this.#at += size
    return at
  }
}

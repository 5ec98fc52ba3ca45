/**
 * Kafka's UNSIGNED_VARINT (KIP-482): seven bits a byte, low group first, the high bit says that more follow; at most
 * five bytes. Lengths and tags of flexible messages are of this form, not zigzag as in records.
 */
export function unsignedVarintBytes(value: number): number {
  let size = 1
  for (let rest = value >>> 7; rest !== 0; rest >>>= 7) size++
  return size
}

/** Returns the position behind what was written. */
export function writeUnsignedVarint(into: Uint8Array, at: number, value: number): number {
  let rest = value
  let position = at
  while (rest > 0x7f) {
    into[position++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  into[position++] = rest
  return position
}

/** Reads one value after another from a span; a value that does not fit the span or 31 bits sets `failed`. */
export class UnsignedVarintReader {
  position = 0
  failed = false
  #bytes: Uint8Array = new Uint8Array(0)
  #end = 0

  start(bytes: Uint8Array, at: number, end: number): void {
    this.#bytes = bytes
    this.#end = end
    this.position = at
    this.failed = false
  }

  /** 0 once failed. */
  next(): number {
    let value = 0
    for (let shift = 0; shift < 35 && !this.failed; shift += 7) {
      if (this.position >= this.#end) break
      const byte = this.#bytes[this.position++] ?? 0
      if (shift === 28 && byte > 0x07) break
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    this.failed = true
    return 0
  }
}

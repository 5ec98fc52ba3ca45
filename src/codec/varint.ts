import { CorruptBatchError } from './corrupt-batch-error.ts'

/*
 * Kafka's varint and varlong: zigzag, then LEB128 (7 bits a byte, low group first, high bit = more follow). A varint is
 * an int32 in at most 5 bytes, a varlong an int64 in at most 10; here its value is at most ±(2^53 − 1).
 * 0 → 00, −1 → 01, 1 → 02, 64 → 8001, 300 → d804.
 */

const HIGH = 0x1_0000_0000

/** @param value an int32 */
export function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  if (zigzag < 0x80) return 1
  if (zigzag < 0x4000) return 2
  if (zigzag < 0x20_0000) return 3
  return zigzag < 0x1000_0000 ? 4 : 5
}

/** @param value a safe integer */
export function varlongSize(value: number): number {
  if ((value | 0) === value) return varintSize(value)
  // −n and n − 1 take the same room; what is left has at least 32 significant bits after zigzag.
  const magnitude = value < 0 ? -(value + 1) : value
  let size = 5
  for (let limit = 2 ** 34; magnitude >= limit; limit *= 128) size++
  return size
}

/** Returns the position behind. */
export function writeVarint(buf: Uint8Array, at: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  while (rest >= 0x80) {
    buf[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  buf[at] = rest
  return at + 1
}

/** Returns the position behind. */
export function writeVarlong(buf: Uint8Array, at: number, value: number): number {
  if ((value | 0) === value) return writeVarint(buf, at, value)
  // Two's complement in two words, so that zigzag stays exact beyond 2^53.
  const sign = value < 0 ? -1 : 0
  const low = value >>> 0
  let high = (((Math.floor(value / HIGH) << 1) | (low >>> 31)) ^ sign) >>> 0
  let rest = ((low << 1) ^ sign) >>> 0
  while (high > 0 || rest >= 0x80) {
    buf[at++] = (rest & 0x7f) | 0x80
    rest = ((rest >>> 7) | (high << 25)) >>> 0
    high >>>= 7
  }
  buf[at] = rest
  return at + 1
}

/** Reads varints from a span of a buffer, moving its position; reading past the end is a CorruptBatchError. */
export class VarintReader {
  bytes: Uint8Array
  position: number
  /** First byte that is not to be read. */
  end: number

  constructor(bytes: Uint8Array, position: number, end: number) {
    this.bytes = bytes
    this.position = position
    this.end = end
  }

  /** An int32; more than 5 bytes or 32 bits is corrupt. */
  readVarint(): number {
    const at = this.position
    if (at < this.end) {
      const first = this.bytes[at]!
      if (first < 0x80) {
        this.position = at + 1
        return (first >>> 1) ^ -(first & 1)
      }
    }
    return this.#readLongVarint()
  }

  /** A safe integer; more than 10 bytes, or a value beyond ±(2^53 − 1), is corrupt. */
  readVarlong(): number {
    const at = this.position
    if (at < this.end) {
      const first = this.bytes[at]!
      if (first < 0x80) {
        this.position = at + 1
        return (first >>> 1) ^ -(first & 1)
      }
    }
    return this.#readLongVarlong()
  }

  #readLongVarint(): number {
    let zigzag = 0
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = this.#readByte()
      if (shift === 28 && byte > 0x0f) break
      zigzag |= (byte & 0x7f) << shift
      if (byte < 0x80) return (zigzag >>> 1) ^ -(zigzag & 1)
    }
    throw new CorruptBatchError('varint longer than 32 bits', this.position)
  }

  #readLongVarlong(): number {
    let low = 0
    let high = 0
    for (let shift = 0; shift <= 63; shift += 7) {
      const byte = this.#readByte()
      if (shift === 63 && byte > 1) break
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 0x80) return this.#unzigzag(high, low)
    }
    throw new CorruptBatchError('varlong longer than 64 bits', this.position)
  }

  #unzigzag(high: number, low: number): number {
    const sign = -(low & 1)
    const valueLow = (((low >>> 1) | (high << 31)) ^ sign) >>> 0
    const valueHigh = (high >>> 1) ^ sign
    const value = valueHigh * HIGH + valueLow
    if (!Number.isSafeInteger(value)) throw new CorruptBatchError('number beyond 53 bits', this.position)
    return value
  }

  #readByte(): number {
    if (this.position >= this.end) throw new CorruptBatchError('number cut off', this.position)
    return this.bytes[this.position++]!
  }
}

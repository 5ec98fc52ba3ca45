/*
 * xxHash with 32 bits: four lanes of 32-bit words, little-endian, over stripes of 16 bytes; what remains is mixed in by
 * word, then by byte. `abc` with seed 0 gives 0x32D153FF. The LZ4 frame format checks itself with it.
 */

const PRIME_1 = 0x9e3779b1 | 0
const PRIME_2 = 0x85ebca77 | 0
const PRIME_3 = 0xc2b2ae3d | 0
const PRIME_4 = 0x27d4eb2f
const PRIME_5 = 0x165667b1
const STRIPE_BYTES = 16

/** The hash of `bytes[start, end)` with seed 0, as an unsigned number. */
export function xxhash32(bytes: Buffer, start: number, end: number): number {
  let at = start
  let hash = PRIME_5
  if (end - start >= STRIPE_BYTES) {
    let a = (PRIME_1 + PRIME_2) | 0
    let b = PRIME_2
    let c = 0
    let d = -PRIME_1 | 0
    for (; at + STRIPE_BYTES <= end; at += STRIPE_BYTES) {
      a = round(a, bytes.readInt32LE(at))
      b = round(b, bytes.readInt32LE(at + 4))
      c = round(c, bytes.readInt32LE(at + 8))
      d = round(d, bytes.readInt32LE(at + 12))
    }
    hash = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0
  }
  hash = (hash + end - start) | 0
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(rotate((hash + Math.imul(bytes.readInt32LE(at), PRIME_3)) | 0, 17), PRIME_4)
  }
  for (; at < end; at++) hash = Math.imul(rotate((hash + Math.imul(bytes[at]!, PRIME_5)) | 0, 11), PRIME_1)
  return avalanche(hash)
}

function round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, PRIME_2)) | 0, 13), PRIME_1)
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

function avalanche(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2)
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3)
  return (hash ^ (hash >>> 16)) >>> 0
}

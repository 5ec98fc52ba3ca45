import assert from 'node:assert/strict'

export const KEY_HASH_SECRET_BYTES = 16
const BLOCK_BYTES = 16
const ROUNDS = 8
/** The polynomial of GF(2^128) by which the subkeys are made. */
const REDUCTION = 0x87

/**
 * A keyed hash of 128 bits in 32-bit integer arithmetic: Chaskey (Mouha et al., 2014) with its eight rounds. As long as
 * the secret is not known nobody can look for two keys with one hash, which compaction would take for one key.
 *
 * The four words of the last hash are left in the fields: no object is made of one.
 */
export class KeyHash {
  h0 = 0
  h1 = 0
  h2 = 0
  h3 = 0
  readonly #secret: Int32Array
  /** XORed around the last block: where it is whole, where it is padded. */
  readonly #whole: Int32Array
  readonly #padded: Int32Array

  constructor(secret: Uint8Array) {
    assert.equal(secret.length, KEY_HASH_SECRET_BYTES, 'a secret of 16 bytes')
    this.#secret = Int32Array.from({ length: 4 }, (_, word) => readWord(secret, word * 4))
    this.#whole = doubled(this.#secret)
    this.#padded = doubled(this.#whole)
  }

  /** Hashes `bytes[start, end)`. */
  hash(bytes: Uint8Array, start: number, end: number): void {
    const secret = this.#secret
    this.h0 = secret[0]!
    this.h1 = secret[1]!
    this.h2 = secret[2]!
    this.h3 = secret[3]!
    let at = start
    for (; end - at > BLOCK_BYTES; at += BLOCK_BYTES) {
      this.h0 ^= readWord(bytes, at)
      this.h1 ^= readWord(bytes, at + 4)
      this.h2 ^= readWord(bytes, at + 8)
      this.h3 ^= readWord(bytes, at + 12)
      this.#permute()
    }
    this.#takeLast(bytes, at, end)
  }

  #takeLast(bytes: Uint8Array, at: number, end: number): void {
    const isWhole = end - at === BLOCK_BYTES
    const subkey = isWhole ? this.#whole : this.#padded
    if (isWhole) {
      this.h0 ^= readWord(bytes, at)
      this.h1 ^= readWord(bytes, at + 4)
      this.h2 ^= readWord(bytes, at + 8)
      this.h3 ^= readWord(bytes, at + 12)
    } else {
      this.h0 ^= readPadded(bytes, at, end)
      if (end - at >= 4) this.h1 ^= readPadded(bytes, at + 4, end)
      if (end - at >= 8) this.h2 ^= readPadded(bytes, at + 8, end)
      if (end - at >= 12) this.h3 ^= readPadded(bytes, at + 12, end)
    }
    this.h0 ^= subkey[0]!
    this.h1 ^= subkey[1]!
    this.h2 ^= subkey[2]!
    this.h3 ^= subkey[3]!
    this.#permute()
    this.h0 ^= subkey[0]!
    this.h1 ^= subkey[1]!
    this.h2 ^= subkey[2]!
    this.h3 ^= subkey[3]!
  }

  #permute(): void {
    let v0 = this.h0
    let v1 = this.h1
    let v2 = this.h2
    let v3 = this.h3
    for (let round = 0; round < ROUNDS; round++) {
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 13) | (v3 >>> 19)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 7) | (v1 >>> 25)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
    }
    this.h0 = v0
    this.h1 = v1
    this.h2 = v2
    this.h3 = v3
  }
}

function readWord(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

/** A word of the last block: its bytes, then a 1, then zeros. */
function readPadded(bytes: Uint8Array, at: number, end: number): number {
  if (end - at >= 4) return readWord(bytes, at)
  let word = 0
  let shift = 0
  for (let from = at; from < end; from++, shift += 8) word |= bytes[from]! << shift
  return word | (1 << shift)
}

function doubled(key: Int32Array): Int32Array {
  const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = key
  return Int32Array.of(
    (k0 << 1) ^ (k3 < 0 ? REDUCTION : 0),
    (k1 << 1) | (k0 >>> 31),
    (k2 << 1) | (k1 >>> 31),
    (k3 << 1) | (k2 >>> 31),
  )
}

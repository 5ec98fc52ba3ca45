const FIRST_BYTES = 4096

/** Bytes that come piece by piece, of which it is not known how many there will be: gathered in one buffer that grows. */
export class GrowingBytes {
  readonly #maxBytes: number
  #buf: Buffer
  #size = 0

  /**
   * @param maxBytes the most that is ever allocated; the caller adds no more
   * @param expectedBytes room to begin with
   */
  constructor(maxBytes: number, expectedBytes: number) {
    this.#maxBytes = maxBytes
    this.#buf = Buffer.allocUnsafeSlow(Math.min(maxBytes, Math.max(expectedBytes, FIRST_BYTES)))
  }

  get size(): number {
    return this.#size
  }

  add(piece: Buffer): void {
    const size = this.#size + piece.length
    if (size > this.#buf.length) this.#grow(size)
    piece.copy(this.#buf, this.#size)
    this.#size = size
  }

  /** The last so many of them, or all; as they are until more are added. */
  last(bytes: number): Buffer {
    return this.#buf.subarray(Math.max(0, this.#size - bytes), this.#size)
  }

  /** All of them, in memory of about that size. */
  all(): Buffer {
    const all = this.#buf.subarray(0, this.#size)
    return all.length * 2 < this.#buf.length ? Buffer.from(all) : all
  }

  #grow(neededBytes: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#maxBytes, Math.max(neededBytes, this.#buf.length * 2)))
    this.#buf.copy(grown, 0, 0, this.#size)
    this.#buf = grown
  }
}

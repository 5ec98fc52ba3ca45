/** Bytes of a file that a search wants next. It is given them, or fewer where the file ends before. */
export interface WantedBytes {
  readonly position: number
  readonly length: number
}

const CHUNK_BYTES = 1024 * 1024

/**
 * The part of a file that a search looks at. Knows no files: it asks for bytes, so that what reads may be the main thread
 * or another.
 */
export class ByteWindow {
  readonly #chunkBytes: number
  #end: number
  #position = 0
  #bytes: Buffer = Buffer.alloc(0)

  /** @param end where the bytes end that are looked at: no byte behind it is asked for */
  constructor(end: number, chunkBytes: number = CHUNK_BYTES) {
    this.#end = end
    this.#chunkBytes = chunkBytes
  }

  /** Valid until the next `load`. */
  get bytes(): Buffer {
    return this.#bytes
  }

  /** Where the bytes end that are looked at; earlier than was thought, once the file has ended before. */
  get end(): number {
    return this.#end
  }

  /** Where in the file `bytes` end. */
  get loadedTo(): number {
    return this.#position + this.#bytes.length
  }

  /** Where in `bytes` a byte of the file is. */
  at(position: number): number {
    return position - this.#position
  }

  /** Where in the file a byte of `bytes` is. */
  position(at: number): number {
    return this.#position + at
  }

  /** So many bytes from a position on; false where the end comes before. */
  *load(position: number, length: number): Generator<WantedBytes, boolean, Buffer> {
    const at = this.at(position)
    if (at >= 0 && at + length <= this.#bytes.length) return true
    const left = this.#end - position
    if (length > left) return false
    const wanted = Math.min(Math.max(length, this.#chunkBytes), left)
    this.#bytes = yield { position, length: wanted }
    this.#position = position
    if (this.#bytes.length < wanted) this.#end = position + this.#bytes.length
    return this.#bytes.length >= length
  }
}

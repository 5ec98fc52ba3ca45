const PAGE_BYTES = 4096
const ZEROS = Buffer.alloc(PAGE_BYTES)

/** Growing bytes in pages that copies share until they are written to: a copy of a large file costs next to nothing. */
export class PagedBytes {
  /** Never written to; replaced. */
  #pages: Buffer[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  copy(): PagedBytes {
    const copy = new PagedBytes()
    copy.#pages = [...this.#pages]
    copy.#size = this.#size
    return copy
  }

  /** At most so many, in memory of their own. */
  read(position: number, length: number): Buffer {
    const end = Math.min(this.#size, position + length)
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, end - position))
    for (let at = position; at < end;) {
      const inPage = at % PAGE_BYTES
      const count = Math.min(end - at, PAGE_BYTES - inPage)
      this.#page(at).copy(bytes, at - position, inPage, inPage + count)
      at += count
    }
    return bytes
  }

  write(position: number, bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length;) {
      const at = position + from
      const inPage = at % PAGE_BYTES
      const piece = bytes.subarray(from, from + PAGE_BYTES - inPage)
      this.#put(at, inPage, piece)
      from += piece.length
    }
    this.#size = Math.max(this.#size, position + bytes.length)
  }

  truncate(size: number): void {
    const inPage = size % PAGE_BYTES
    this.#pages.length = Math.min(this.#pages.length, Math.ceil(size / PAGE_BYTES))
    if (inPage > 0 && size < this.#size) this.#put(size, inPage, ZEROS.subarray(inPage))
    this.#size = size
  }

  #page(at: number): Buffer {
    return this.#pages[Math.floor(at / PAGE_BYTES)] ?? ZEROS
  }

  #put(at: number, inPage: number, piece: Uint8Array): void {
    const number = Math.floor(at / PAGE_BYTES)
    while (this.#pages.length < number) this.#pages.push(ZEROS)
    const isWhole = piece.length === PAGE_BYTES
    if (isWhole && ZEROS.equals(piece)) {
      this.#pages[number] = ZEROS
      return
    }
    const page = isWhole ? Buffer.allocUnsafeSlow(PAGE_BYTES) : Buffer.from(this.#page(at))
    page.set(piece, inPage)
    this.#pages[number] = page
  }
}

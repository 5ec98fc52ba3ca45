const SLOTS = 4096
/** Longer spans are not remembered; names of groups and topics never are. */
const SLOT_BYTES = 256

/**
 * Turns spans of bytes into strings, and gives the same string again for the same bytes seen lately: the names in a log
 * repeat from record to record, and comparing bytes is cheaper than making a string and hashing it.
 */
export class SpanTexts {
  readonly #encoding: BufferEncoding
  /** Made with the first text: a log with no records needs no MiB. */
  #bytes: Buffer | undefined
  /** −1 = the slot is free. */
  readonly #sizes = new Int32Array(SLOTS).fill(-1)
  #texts: string[] = []

  constructor(encoding: BufferEncoding) {
    this.#encoding = encoding
  }

  text(bytes: Buffer, start: number, end: number): string {
    const size = end - start
    if (size > SLOT_BYTES) return bytes.toString(this.#encoding, start, end)
    let hash = 0x811c_9dc5
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x0100_0193)
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1)
    if (this.#sizes[slot] === size && this.#holds(slot, bytes, start, size)) return this.#texts[slot]!
    const text = bytes.toString(this.#encoding, start, end)
    this.#remember(slot, text, bytes, start, end)
    return text
  }

  #remember(slot: number, text: string, bytes: Buffer, start: number, end: number): void {
    if (this.#bytes === undefined) {
      this.#bytes = Buffer.alloc(SLOTS * SLOT_BYTES)
      this.#texts = Array.from({ length: SLOTS }, () => '')
    }
    this.#sizes[slot] = end - start
    this.#texts[slot] = text
    bytes.copy(this.#bytes, slot * SLOT_BYTES, start, end)
  }

  #holds(slot: number, bytes: Buffer, start: number, size: number): boolean {
    const known = this.#bytes!
    const from = slot * SLOT_BYTES
    for (let i = 0; i < size; i++) if (known[from + i] !== bytes[start + i]) return false
    return true
  }
}

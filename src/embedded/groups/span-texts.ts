const SLOTS = 4096

interface Slot {
  readonly bytes: Buffer
  readonly text: string
}

/**
 * Turns spans of bytes into strings, and gives the same string again for the same bytes seen lately: the names in a log
 * repeat from record to record, and comparing bytes is cheaper than making a string and hashing it.
 */
export class SpanTexts {
  readonly #encoding: BufferEncoding
  readonly #slots: (Slot | undefined)[] = Array.from({ length: SLOTS }, () => undefined)

  constructor(encoding: BufferEncoding) {
    this.#encoding = encoding
  }

  text(bytes: Buffer, start: number, end: number): string {
    let hash = 0x811c_9dc5
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x0100_0193)
    const number = (hash ^ (hash >>> 15)) & (SLOTS - 1)
    const slot = this.#slots[number]
    if (slot !== undefined && sameBytes(slot.bytes, bytes, start, end)) return slot.text
    const text = bytes.toString(this.#encoding, start, end)
    this.#slots[number] = { bytes: Buffer.from(bytes.subarray(start, end)), text }
    return text
  }
}

function sameBytes(known: Buffer, bytes: Buffer, start: number, end: number): boolean {
  if (known.length !== end - start) return false
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false
  return true
}

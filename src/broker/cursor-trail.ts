import { crc32 } from 'node:zlib'

/** Of a safe integer in unsigned LEB128. */
const LONGEST_NUMBER_BYTES = 8
const CHECKSUM_BYTES = 4

/** A position in a cursor's bytes. */
export interface TrailPlace {
  /** Bytes between the position before and this one. */
  readonly before: Buffer
  readonly offset: number
}

/**
 * The cursors behind each record of a stream: all are the same but for one position, so that the next one is patched into
 * the bytes of the one before. Built by the codecs of the cursors.
 */
export class CursorTrail {
  readonly #places: readonly TrailPlace[]
  readonly #tail: Buffer
  readonly #bytes: Buffer
  readonly #offsets: number[]
  /** Where the offset of each position begins. */
  readonly #starts: number[]
  #end = 0

  /** @param tail all behind the last position */
  constructor(places: readonly TrailPlace[], tail: Buffer) {
    this.#places = places
    this.#tail = tail
    const fixed = places.reduce((sum, { before }) => sum + before.length, tail.length)
    this.#bytes = Buffer.alloc(fixed + places.length * LONGEST_NUMBER_BYTES + CHECKSUM_BYTES)
    this.#offsets = places.map(({ offset }) => offset)
    this.#starts = places.map(() => 0)
    this.#layOut()
  }

  /** The cursor as it is now. */
  text(): string {
    const end = this.#end
    this.#bytes.writeUInt32BE(crc32(this.#bytes.subarray(0, end)), end)
    return this.#bytes.toString('base64url', 0, end + CHECKSUM_BYTES)
  }

  /** The cursor with the position at this place moved. */
  moved(place: number, offset: number): string {
    const fits = numberBytes(offset) === numberBytes(this.#offsets[place] ?? 0)
    this.#offsets[place] = offset
    if (fits) this.#write(this.#starts[place] ?? 0, offset)
    else this.#layOut()
    return this.text()
  }

  #layOut(): void {
    let at = 0
    for (const [place, { before }] of this.#places.entries()) {
      at += before.copy(this.#bytes, at)
      this.#starts[place] = at
      at = this.#write(at, this.#offsets[place] ?? 0)
    }
    this.#end = at + this.#tail.copy(this.#bytes, at)
  }

  /** @returns where it ends */
  #write(start: number, value: number): number {
    let at = start
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[at++] = (rest % 0x80) | 0x80
    this.#bytes[at++] = rest
    return at
  }
}

function numberBytes(value: number): number {
  let count = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) count += 1
  return count
}

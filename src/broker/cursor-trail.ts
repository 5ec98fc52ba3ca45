import { crc32 } from 'node:zlib'

/** Of a safe integer in unsigned LEB128. */
const LONGEST_NUMBER_BYTES = 8
const CHECKSUM_BYTES = 4

/**
 * The cursors behind each record of a stream: all are the same but for one position, so that the next one is patched into
 * the bytes of the one before. See `ReadCursor` for the layout.
 */
export class CursorTrail {
  readonly #headBytes: number
  readonly #bytes: Buffer
  readonly #partitions: readonly number[]
  readonly #offsets: number[]
  /** Where the offset of each position begins. */
  readonly #starts: number[]
  #end = 0

  /** @param head all that comes before the number of positions */
  constructor(head: Buffer, positions: readonly { readonly partition: number; readonly offset: number }[]) {
    this.#headBytes = head.length
    this.#bytes = Buffer.alloc(head.length + (2 * positions.length + 1) * LONGEST_NUMBER_BYTES + CHECKSUM_BYTES)
    head.copy(this.#bytes)
    this.#partitions = positions.map(({ partition }) => partition)
    this.#offsets = positions.map(({ offset }) => offset)
    this.#starts = positions.map(() => 0)
    this.#layOut()
  }

  /** The place of a partition among the positions. */
  placeOf(partition: number): number {
    return this.#partitions.indexOf(partition)
  }

  /** The cursor with the position at this place moved. */
  moved(place: number, offset: number): string {
    const fits = numberBytes(offset) === numberBytes(this.#offsets[place] ?? 0)
    this.#offsets[place] = offset
    if (fits) this.#write(this.#starts[place] ?? 0, offset)
    else this.#layOut()
    const end = this.#end
    this.#bytes.writeUInt32BE(crc32(this.#bytes.subarray(0, end)), end)
    return this.#bytes.toString('base64url', 0, end + CHECKSUM_BYTES)
  }

  #layOut(): void {
    let at = this.#write(this.#headBytes, this.#partitions.length)
    let before = 0
    for (const [place, partition] of this.#partitions.entries()) {
      at = this.#write(at, partition - before)
      before = partition
      this.#starts[place] = at
      at = this.#write(at, this.#offsets[place] ?? 0)
    }
    this.#end = at
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

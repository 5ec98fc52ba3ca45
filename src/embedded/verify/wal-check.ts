/*
 * A SQLite write-ahead log. All numbers are big-endian; checksums are computed over 32-bit words in the byte order that
 * the magic number names, each going on from the one before.
 *
 *    0  magic       uint32  0x377f0682 little-endian checksums, 0x377f0683 big-endian
 *    8  pageBytes   uint32
 *   16  salt        8 bytes; a frame with another salt is left over from before
 *   24  checksum    8 bytes, of bytes 0 to 23
 *   32  frames: 24 bytes of header (0 page, 4 pages after a commit, else 0, 8 salt, 16 checksum of the first 8 bytes and
 *       the page), then the page
 */
const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const MAGIC_LITTLE = 0x377f0682
const MAGIC_BIG = 0x377f0683

export interface WalDamage {
  readonly position: number
  readonly end: number
  readonly problem: string
  /** Frames of the same log follow: what was written cannot have been cut short here. */
  readonly isFollowed: boolean
}

/** Where a write-ahead log ends though it goes on: SQLite then takes what lies behind for never written. */
export function checkWal(content: Buffer): WalDamage | undefined {
  if (content.length === 0) return undefined
  const magic = content.length < HEADER_BYTES ? 0 : content.readUInt32BE(0)
  const sum = new WalChecksum(magic === MAGIC_BIG)
  const isHeader = magic === MAGIC_LITTLE || magic === MAGIC_BIG
  if (!isHeader || !sum.add(content, 0, 24).equals(content, 24)) {
    return {
      position: 0,
      end: HEADER_BYTES,
      problem: 'its header is damaged',
      isFollowed: content.length > HEADER_BYTES,
    }
  }
  const frameBytes = FRAME_HEADER_BYTES + content.readUInt32BE(8)
  for (let at = HEADER_BYTES; at + frameBytes <= content.length; at += frameBytes) {
    const hasSalt = content.compare(content, 16, 24, at + 8, at + 16) === 0
    const isWhole =
      hasSalt &&
      sum
        .add(content, at, 8)
        .add(content, at + FRAME_HEADER_BYTES, frameBytes - FRAME_HEADER_BYTES)
        .equals(content, at + 16)
    if (isWhole) continue
    const isFollowed = saltAt(content, at + frameBytes, frameBytes)
    if (!hasSalt && !isFollowed) return undefined
    return { position: at, end: at + frameBytes, problem: 'a frame of it is damaged', isFollowed }
  }
  return undefined
}

function saltAt(content: Buffer, at: number, frameBytes: number): boolean {
  return at + frameBytes <= content.length && content.compare(content, 16, 24, at + 8, at + 16) === 0
}

class WalChecksum {
  readonly #isBigEndian: boolean
  #one = 0
  #two = 0

  constructor(isBigEndian: boolean) {
    this.#isBigEndian = isBigEndian
  }

  add(content: Buffer, from: number, length: number): this {
    for (let at = from; at < from + length; at += 8) {
      this.#one = (this.#one + this.#word(content, at) + this.#two) >>> 0
      this.#two = (this.#two + this.#word(content, at + 4) + this.#one) >>> 0
    }
    return this
  }

  equals(content: Buffer, at: number): boolean {
    return content.readUInt32BE(at) === this.#one && content.readUInt32BE(at + 4) === this.#two
  }

  #word(content: Buffer, at: number): number {
    return this.#isBigEndian ? content.readUInt32BE(at) : content.readUInt32LE(at)
  }
}

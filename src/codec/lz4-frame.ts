import * as lz4 from 'lz4-napi'
import { CorruptBatchError, DecompressedTooLargeError } from './corrupt-batch-error.ts'
import { xxhash32 } from './xxhash32.ts'

/*
 * An LZ4 frame, as Kafka stores it; numbers are little-endian.
 *
 *   magic 0x184D2204 │ FLG │ BD │ contentSize int64, where FLG says so │ header checksum, 1 byte │
 *   blocks: size uint32, bit 31 = stored as it is │ bytes │ xxHash-32 of them, where FLG says so │
 *   0 uint32 │ xxHash-32 of the content, where FLG says so
 *
 *   FLG  bits 7–6 version, 01 │ 5 blocks are independent │ 4 block checksums │ 3 content size │ 2 content checksum │
 *        1 reserved │ 0 dictionary id
 *   BD   bits 6–4 largest block: 4 = 64 KiB, 5 = 256 KiB, 6 = 1 MiB, 7 = 4 MiB
 *
 * Written as Kafka's producer writes: independent blocks of 64 KiB, no content size, no checksum but the header's. Read:
 * all of the format but dictionaries, whose content nobody here has.
 */

const MAGIC = 0x184d2204
const VERSION_BITS = 0xc0
const VERSION = 0x40
const INDEPENDENT_BIT = 0x20
const BLOCK_CHECKSUM_BIT = 0x10
const CONTENT_SIZE_BIT = 0x08
const CONTENT_CHECKSUM_BIT = 0x04
const DICTIONARY_BIT = 0x01
const STORED_BIT = 0x8000_0000

const WRITTEN_BLOCK_BYTES = 64 * 1024
const WRITTEN_HEADER = Buffer.of(0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82)
const END_MARK = Buffer.alloc(4)
/** How far back a block may point into those before it. */
const WINDOW_BYTES = 64 * 1024
/** The library's blocks say their decompressed size in front of them. */
const SIZE_PREFIX_BYTES = 4
/** No byte of a block stands for more bytes than this. */
const HIGHEST_RATIO = 255

export function lz4CompressSync(bytes: Buffer): Buffer {
  const parts: Buffer[] = [WRITTEN_HEADER]
  for (const block of blocksOf(bytes)) pushBlock(parts, block, lz4.compressSync(block))
  parts.push(END_MARK)
  return Buffer.concat(parts)
}

export async function lz4Compress(bytes: Buffer): Promise<Buffer> {
  const parts: Buffer[] = [WRITTEN_HEADER]
  for (const block of blocksOf(bytes)) pushBlock(parts, block, await lz4.compress(block))
  parts.push(END_MARK)
  return Buffer.concat(parts)
}

/** @throws CorruptBatchError, also where more than `maxBytes` would come out */
export function lz4DecompressSync(bytes: Buffer, maxBytes: number): Buffer {
  const reader = new Lz4FrameReader(bytes, maxBytes)
  for (let input = reader.nextBlock(); input !== undefined; input = reader.nextBlock()) {
    let content: Buffer | undefined
    try {
      content = lz4.uncompressSync(input, reader.dictionary)
    } catch {
      // The reader says what and where.
    }
    reader.took(content)
  }
  return reader.content()
}

export async function lz4Decompress(bytes: Buffer, maxBytes: number): Promise<Buffer> {
  const reader = new Lz4FrameReader(bytes, maxBytes)
  for (let input = reader.nextBlock(); input !== undefined; input = reader.nextBlock()) {
    let content: Buffer | undefined
    try {
      content = await lz4.uncompress(input, reader.dictionary)
    } catch {
      // The reader says what and where.
    }
    reader.took(content)
  }
  return reader.content()
}

function* blocksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += WRITTEN_BLOCK_BYTES) yield bytes.subarray(at, at + WRITTEN_BLOCK_BYTES)
}

/** A block that compression would not make smaller is stored as it is. */
function pushBlock(parts: Buffer[], block: Buffer, prefixed: Buffer): void {
  const compressedBytes = prefixed.length - SIZE_PREFIX_BYTES
  const isStored = compressedBytes >= block.length
  const size = Buffer.allocUnsafe(4)
  size.writeUInt32LE(isStored ? block.length + STORED_BIT : compressedBytes)
  parts.push(size, isStored ? block : prefixed.subarray(SIZE_PREFIX_BYTES))
}

/** Steps through a frame block by block; the caller decompresses them, here or on another thread. */
class Lz4FrameReader {
  /** For the block that `nextBlock` gave: what it may point back into. */
  dictionary: Buffer | undefined
  readonly #bytes: Buffer
  readonly #maxBytes: number
  readonly #flags: number
  readonly #maxBlockBytes: number
  readonly #contentSize: number | undefined
  readonly #pieces: Buffer[] = []
  #size = 0
  #at = 0
  #blockAt = 0

  constructor(bytes: Buffer, maxBytes: number) {
    this.#bytes = bytes
    this.#maxBytes = maxBytes
    if (this.#readUInt32() !== MAGIC) throw new CorruptBatchError('no LZ4 frame', 0)
    this.#need(2)
    this.#flags = bytes[4]!
    this.#maxBlockBytes = this.#checkDescriptor(bytes[5]!)
    this.#at = 6
    this.#contentSize = this.#has(CONTENT_SIZE_BIT) ? this.#readContentSize() : undefined
    this.#need(1)
    const checksum = (xxhash32(bytes, 4, this.#at) >>> 8) & 0xff
    if (bytes[this.#at] !== checksum) throw new CorruptBatchError('LZ4 header checksum is wrong', this.#at)
    this.#at++
  }

  /** A compressed block behind the size it may have at most, as the library takes it; undefined at the end. */
  nextBlock(): Buffer | undefined {
    for (;;) {
      this.#blockAt = this.#at
      const field = this.#readUInt32()
      if (field === 0) return undefined
      const isStored = field >= STORED_BIT
      const block = this.#readBlock(isStored ? field - STORED_BIT : field)
      if (!isStored) return this.#prefixed(block)
      this.#keep(block)
    }
  }

  /** What the block held; undefined where it could not be decompressed. */
  took(content: Buffer | undefined): void {
    if (content === undefined) {
      if (this.#maxBytes - this.#size < this.#maxBlockBytes) throw this.#tooLarge()
      throw new CorruptBatchError('LZ4 block cannot be decompressed', this.#blockAt)
    }
    this.#keep(content)
  }

  content(): Buffer {
    const content = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces, this.#size)
    if (this.#contentSize !== undefined && this.#contentSize !== this.#size) {
      throw new CorruptBatchError(`LZ4 content of ${this.#size} bytes instead of ${this.#contentSize}`, this.#at)
    }
    if (this.#has(CONTENT_CHECKSUM_BIT) && this.#readUInt32() !== xxhash32(content, 0, content.length)) {
      throw new CorruptBatchError('LZ4 content checksum is wrong', this.#at - 4)
    }
    if (this.#at !== this.#bytes.length) throw new CorruptBatchError('bytes behind the LZ4 frame', this.#at)
    return content
  }

  #has(bit: number): boolean {
    return (this.#flags & bit) !== 0
  }

  #checkDescriptor(descriptor: number): number {
    if ((this.#flags & VERSION_BITS) !== VERSION) throw new CorruptBatchError('LZ4 frame version is not 1', 4)
    if (this.#has(DICTIONARY_BIT)) throw new CorruptBatchError('LZ4 frame needs a dictionary', 4)
    const sizeId = (descriptor >> 4) & 0x07
    if (sizeId < 4) throw new CorruptBatchError(`LZ4 block size ${sizeId} does not exist`, 5)
    return 1 << (8 + 2 * sizeId)
  }

  #readContentSize(): number {
    this.#need(8)
    const size = Number(this.#bytes.readBigUInt64LE(this.#at))
    this.#at += 8
    if (size > this.#maxBytes) throw this.#tooLarge()
    return size
  }

  #readBlock(sizeBytes: number): Buffer {
    if (sizeBytes > this.#maxBlockBytes) throw new CorruptBatchError(`LZ4 block of ${sizeBytes} bytes`, this.#blockAt)
    this.#need(sizeBytes)
    const from = this.#at
    this.#at += sizeBytes
    if (this.#has(BLOCK_CHECKSUM_BIT) && this.#readUInt32() !== xxhash32(this.#bytes, from, from + sizeBytes)) {
      throw new CorruptBatchError('LZ4 block checksum is wrong', this.#blockAt)
    }
    return this.#bytes.subarray(from, from + sizeBytes)
  }

  #prefixed(block: Buffer): Buffer {
    const mostBytes = Math.min(this.#maxBlockBytes, this.#maxBytes - this.#size, block.length * HIGHEST_RATIO)
    this.dictionary = this.#has(INDEPENDENT_BIT) ? undefined : this.#window()
    const prefixed = Buffer.allocUnsafe(SIZE_PREFIX_BYTES + block.length)
    prefixed.writeUInt32LE(mostBytes)
    block.copy(prefixed, SIZE_PREFIX_BYTES)
    return prefixed
  }

  /** The last 64 KiB that came out. */
  #window(): Buffer | undefined {
    const parts: Buffer[] = []
    let bytes = 0
    for (let i = this.#pieces.length - 1; i >= 0 && bytes < WINDOW_BYTES; i--) {
      const part = this.#pieces[i]!.subarray(-(WINDOW_BYTES - bytes))
      parts.unshift(part)
      bytes += part.length
    }
    return bytes === 0 ? undefined : Buffer.concat(parts, bytes)
  }

  #keep(piece: Buffer): void {
    this.#size += piece.length
    if (this.#size > this.#maxBytes) throw this.#tooLarge()
    this.#pieces.push(piece)
  }

  #readUInt32(): number {
    this.#need(4)
    this.#at += 4
    return this.#bytes.readUInt32LE(this.#at - 4)
  }

  #need(bytes: number): void {
    if (this.#bytes.length - this.#at < bytes) throw new CorruptBatchError('LZ4 frame is cut off', this.#bytes.length)
  }

  #tooLarge(): DecompressedTooLargeError {
    return new DecompressedTooLargeError(this.#maxBytes, this.#blockAt)
  }
}

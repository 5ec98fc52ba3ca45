import { CorruptBatchError, DecompressedTooLargeError } from './corrupt-batch-error.ts'
import { GrowingBytes } from './growing-bytes.ts'
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
 * All of it is read but dictionaries, whose content nobody here has.
 */

/** In a block's size: it is stored as it is. */
export const LZ4_STORED_BIT = 0x8000_0000
/** The library's blocks say their decompressed size in front of them. */
export const LZ4_SIZE_PREFIX_BYTES = 4

const MAGIC = 0x184d2204
const VERSION_BITS = 0xc0
const VERSION = 0x40
const INDEPENDENT_BIT = 0x20
const BLOCK_CHECKSUM_BIT = 0x10
const CONTENT_SIZE_BIT = 0x08
const CONTENT_CHECKSUM_BIT = 0x04
const DICTIONARY_BIT = 0x01

/** How far back a block may point into those before it. */
const WINDOW_BYTES = 64 * 1024
/** No byte of a block stands for more bytes than this. */
const HIGHEST_RATIO = 255
/** Blocks that are so small on average serve nobody, and make much work of few bytes. */
const FEW_BLOCKS = 1024
const BLOCK_MIN_AVERAGE_BYTES = 128

/** Steps through a frame block by block; the caller decompresses them, here or on another thread. */
export class Lz4FrameReader {
  /** For the block that `nextBlock` gave: what it may point back into. */
  dictionary: Buffer | undefined
  readonly #bytes: Buffer
  readonly #maxBytes: number
  readonly #flags: number
  readonly #maxBlockBytes: number
  readonly #contentSize: number | undefined
  readonly #content: GrowingBytes
  #at = 0
  #blocks = 0
  /** What the block that `nextBlock` gave may hold. */
  #mostBytes = 0
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
    const expectedBytes = Math.min(this.#contentSize ?? bytes.length * 2, bytes.length * HIGHEST_RATIO)
    this.#content = new GrowingBytes(maxBytes, expectedBytes)
  }

  /** A compressed block behind the size it may have at most, as the library takes it; undefined at the end. */
  nextBlock(): Buffer | undefined {
    for (;;) {
      this.#blockAt = this.#at
      const field = this.#readUInt32()
      if (field === 0) return undefined
      this.#countBlock()
      const isStored = field >= LZ4_STORED_BIT
      const block = this.#readBlock(isStored ? field - LZ4_STORED_BIT : field)
      if (!isStored) return this.#prefixed(block)
      this.#keep(block)
    }
  }

  /** What the block held; undefined where it could not be decompressed. */
  took(content: Buffer | undefined): void {
    if (content === undefined) {
      if (this.#mostBytes === this.#maxBytes - this.#content.size) throw this.#tooLarge()
      throw new CorruptBatchError('LZ4 block cannot be decompressed', this.#blockAt)
    }
    this.#keep(content)
  }

  content(): Buffer {
    const content = this.#content.all()
    if (this.#contentSize !== undefined && this.#contentSize !== content.length) {
      throw new CorruptBatchError(`LZ4 content of ${content.length} bytes instead of ${this.#contentSize}`, this.#at)
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
    const { size } = this.#content
    this.#mostBytes = Math.min(this.#maxBlockBytes, this.#maxBytes - size, block.length * HIGHEST_RATIO)
    this.dictionary = this.#has(INDEPENDENT_BIT) || size === 0 ? undefined : this.#content.last(WINDOW_BYTES)
    const prefixed = Buffer.allocUnsafe(LZ4_SIZE_PREFIX_BYTES + block.length)
    prefixed.writeUInt32LE(this.#mostBytes)
    block.copy(prefixed, LZ4_SIZE_PREFIX_BYTES)
    return prefixed
  }

  #countBlock(): void {
    this.#blocks++
    if (this.#blocks <= FEW_BLOCKS + this.#bytes.length / BLOCK_MIN_AVERAGE_BYTES) return
    throw new CorruptBatchError('LZ4 frame of too many small blocks', this.#blockAt)
  }

  #keep(piece: Buffer): void {
    if (piece.length > this.#maxBytes - this.#content.size) throw this.#tooLarge()
    this.#content.add(piece)
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

import { setImmediate } from 'node:timers/promises'
import * as snappy from 'snappy'
import { CorruptBatchError, DecompressedTooLargeError } from './corrupt-batch-error.ts'

/*
 * Snappy as Kafka stores it, which is the framing of the Java library xerial; numbers are big-endian.
 *
 *   0x82 "SNAPPY" 0x00 │ version int32, 1 │ oldest version that can read it int32, 1 │ chunks: size int32 │ Snappy block
 *
 * A Snappy block starts with its decompressed size, a varint. Blocks of 32 KiB are written. Read as Kafka's reader does:
 * bytes that do not start with the header are one bare Snappy block, and where a chunk's size should stand another header
 * may stand, for streams that were put one behind the other.
 */

const HEADER = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00, 0, 0, 0, 1, 0, 0, 0, 1])
const MAGIC_BYTES = 8
/** The magic's first four bytes, as a chunk size that no chunk has. */
const MAGIC_AS_SIZE = HEADER.readInt32BE(0)
const WRITTEN_BLOCK_BYTES = 32 * 1024
const MAX_VARINT_BYTES = 5
/** Chunks that are so small on average serve nobody, and make much work of few bytes. */
const FEW_CHUNKS = 1024
const CHUNK_MIN_AVERAGE_BYTES = 128
/** Smaller blocks take less time than a trip to another thread; after so many of them, others have their turn. */
const SMALL_BLOCK_BYTES = 1024
const SMALL_BLOCKS_AT_ONCE = 64
// Without copying, each result is external memory that costs far more to register with the collector than to copy.
const COPIED = { copyOutputData: true }

export function snappyCompressSync(bytes: Buffer): Buffer {
  const parts: Buffer[] = [HEADER]
  for (const block of blocksOf(bytes)) pushChunk(parts, snappy.compressSync(block, COPIED))
  return Buffer.concat(parts)
}

export async function snappyCompress(bytes: Buffer): Promise<Buffer> {
  const parts: Buffer[] = [HEADER]
  for (const block of blocksOf(bytes)) pushChunk(parts, await snappy.compress(block, COPIED))
  return Buffer.concat(parts)
}

/** @throws CorruptBatchError, also where more than `maxBytes` would come out */
export function snappyDecompressSync(bytes: Buffer, maxBytes: number): Buffer {
  const chunks = new SnappyChunks(bytes, maxBytes)
  const content = Buffer.allocUnsafe(chunks.contentBytes)
  let at = 0
  for (const chunk of chunks) at += place(content, at, chunk, uncompressedSync(chunk))
  return content
}

export async function snappyDecompress(bytes: Buffer, maxBytes: number): Promise<Buffer> {
  const chunks = new SnappyChunks(bytes, maxBytes)
  const content = Buffer.allocUnsafe(chunks.contentBytes)
  let at = 0
  let small = 0
  for (const chunk of chunks) {
    const isSmall = chunk.block.length <= SMALL_BLOCK_BYTES
    if (isSmall && ++small % SMALL_BLOCKS_AT_ONCE === 0) await setImmediate()
    at += place(content, at, chunk, isSmall ? uncompressedSync(chunk) : await uncompressed(chunk))
  }
  return content
}

function* blocksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += WRITTEN_BLOCK_BYTES) yield bytes.subarray(at, at + WRITTEN_BLOCK_BYTES)
}

function pushChunk(parts: Buffer[], block: Buffer): void {
  const size = Buffer.allocUnsafe(4)
  size.writeInt32BE(block.length)
  parts.push(size, block)
}

interface SnappyChunk {
  readonly block: Buffer
  readonly position: number
  readonly contentBytes: number
}

/** The chunks of a stream. What they say they hold is added up first, so that the content gets memory once. */
class SnappyChunks {
  readonly contentBytes: number
  readonly #bytes: Buffer
  readonly #isFramed: boolean

  constructor(bytes: Buffer, maxBytes: number) {
    this.#bytes = bytes
    this.#isFramed = isHeader(bytes, 0)
    let contentBytes = 0
    let chunks = 0
    const maxChunks = FEW_CHUNKS + bytes.length / CHUNK_MIN_AVERAGE_BYTES
    for (const chunk of this) {
      if (++chunks > maxChunks) throw new CorruptBatchError('Snappy stream of too many small chunks', chunk.position)
      contentBytes += chunk.contentBytes
      if (contentBytes > maxBytes) throw new DecompressedTooLargeError(maxBytes, chunk.position)
    }
    this.contentBytes = contentBytes
  }

  *[Symbol.iterator](): Generator<SnappyChunk> {
    const bytes = this.#bytes
    if (!this.#isFramed) {
      yield chunkOf(bytes, 0, bytes.length)
      return
    }
    for (let at = HEADER.length; at < bytes.length;) {
      if (bytes.length - at < 4) throw new CorruptBatchError('Snappy stream is cut off', bytes.length)
      const size = bytes.readInt32BE(at)
      if (size === MAGIC_AS_SIZE && isHeader(bytes, at)) {
        at += HEADER.length
        continue
      }
      if (size < 0 || size > bytes.length - at - 4) throw new CorruptBatchError(`Snappy chunk of ${size} bytes`, at)
      yield chunkOf(bytes, at + 4, at + 4 + size)
      at += 4 + size
    }
  }
}

function isHeader(bytes: Buffer, at: number): boolean {
  if (bytes.length - at < HEADER.length) return false
  return bytes.compare(HEADER, 0, MAGIC_BYTES, at, at + MAGIC_BYTES) === 0
}

function chunkOf(bytes: Buffer, start: number, end: number): SnappyChunk {
  return { block: bytes.subarray(start, end), position: start, contentBytes: contentBytesOf(bytes, start, end) }
}

function contentBytesOf(bytes: Buffer, start: number, end: number): number {
  let size = 0
  for (let i = 0; i < MAX_VARINT_BYTES && start + i < end; i++) {
    const byte = bytes[start + i]!
    size += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return size
  }
  throw new CorruptBatchError('Snappy block without its size', start)
}

function place(content: Buffer, at: number, chunk: SnappyChunk, piece: Buffer | string | undefined): number {
  if (!(piece instanceof Buffer) || piece.length !== chunk.contentBytes) {
    throw new CorruptBatchError('Snappy block cannot be decompressed', chunk.position)
  }
  return piece.copy(content, at)
}

/** Undefined where the block cannot be decompressed; `place` says where. */
function uncompressedSync({ block }: SnappyChunk): Buffer | string | undefined {
  try {
    return snappy.uncompressSync(block, COPIED)
  } catch {
    return undefined
  }
}

async function uncompressed({ block }: SnappyChunk): Promise<Buffer | string | undefined> {
  try {
    return await snappy.uncompress(block, COPIED)
  } catch {
    return undefined
  }
}

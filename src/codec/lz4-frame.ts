import { setImmediate } from 'node:timers/promises'
import * as lz4 from 'lz4-napi'
import { Lz4FrameReader, LZ4_STORED_BIT, LZ4_SIZE_PREFIX_BYTES } from './lz4-frame-reader.ts'

/*
 * LZ4 frames (lz4-frame-reader.ts draws them), written as Kafka's producer writes them: independent blocks of 64 KiB, no
 * content size, no checksum but the header's.
 */

const BLOCK_BYTES = 64 * 1024
const HEADER = Buffer.of(0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82)
const END_MARK = Buffer.alloc(4)
/** Smaller blocks take less time than a trip to another thread; after so many of them, others have their turn. */
const SMALL_BLOCK_BYTES = 1024
const SMALL_BLOCKS_AT_ONCE = 64

export function lz4CompressSync(bytes: Buffer): Buffer {
  const parts: Buffer[] = [HEADER]
  for (const block of blocksOf(bytes)) pushBlock(parts, block, lz4.compressSync(block))
  parts.push(END_MARK)
  return Buffer.concat(parts)
}

export async function lz4Compress(bytes: Buffer): Promise<Buffer> {
  const parts: Buffer[] = [HEADER]
  for (const block of blocksOf(bytes)) pushBlock(parts, block, await lz4.compress(block))
  parts.push(END_MARK)
  return Buffer.concat(parts)
}

/** @throws CorruptBatchError, also where more than `maxBytes` would come out */
export function lz4DecompressSync(bytes: Buffer, maxBytes: number): Buffer {
  const reader = new Lz4FrameReader(bytes, maxBytes)
  for (let input = reader.nextBlock(); input !== undefined; input = reader.nextBlock()) {
    reader.took(uncompressedSync(input, reader.dictionary))
  }
  return reader.content()
}

export async function lz4Decompress(bytes: Buffer, maxBytes: number): Promise<Buffer> {
  const reader = new Lz4FrameReader(bytes, maxBytes)
  let small = 0
  for (let input = reader.nextBlock(); input !== undefined; input = reader.nextBlock()) {
    const isSmall = input.length <= SMALL_BLOCK_BYTES
    if (isSmall && ++small % SMALL_BLOCKS_AT_ONCE === 0) await setImmediate()
    reader.took(isSmall ? uncompressedSync(input, reader.dictionary) : await uncompressed(input, reader.dictionary))
  }
  return reader.content()
}

function* blocksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) yield bytes.subarray(at, at + BLOCK_BYTES)
}

/** A block that compression would not make smaller is stored as it is. */
function pushBlock(parts: Buffer[], block: Buffer, prefixed: Buffer): void {
  const compressedBytes = prefixed.length - LZ4_SIZE_PREFIX_BYTES
  const isStored = compressedBytes >= block.length
  const size = Buffer.allocUnsafe(4)
  size.writeUInt32LE(isStored ? block.length + LZ4_STORED_BIT : compressedBytes)
  parts.push(size, isStored ? block : prefixed.subarray(LZ4_SIZE_PREFIX_BYTES))
}

/** Undefined where the block cannot be decompressed; the reader says what and where. */
function uncompressedSync(input: Buffer, dictionary: Buffer | undefined): Buffer | undefined {
  try {
    return lz4.uncompressSync(input, dictionary)
  } catch {
    return undefined
  }
}

async function uncompressed(input: Buffer, dictionary: Buffer | undefined): Promise<Buffer | undefined> {
  try {
    return await lz4.uncompress(input, dictionary)
  } catch {
    return undefined
  }
}

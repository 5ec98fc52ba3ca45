import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { CorruptBatchError, DecompressedTooLargeError } from './corrupt-batch-error.ts'
import { zstdFrames } from './zstd-frames.ts'

/** Kafka's default, zlib's own. */
const GZIP_DEFAULT_LEVEL = zlib.constants.Z_DEFAULT_COMPRESSION
const ZSTD_DEFAULT_LEVEL = 3

const gzipOffLoop = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gzip)
const gunzipOffLoop = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gunzip)
const zstdCompressOffLoop = promisify<Buffer, zlib.ZstdOptions, Buffer>(zlib.zstdCompress)
const zstdDecompressOffLoop = promisify<Buffer, zlib.ZstdOptions, Buffer>(zlib.zstdDecompress)

export function gzipCompressSync(bytes: Buffer, level = GZIP_DEFAULT_LEVEL): Buffer {
  return zlib.gzipSync(bytes, { level })
}

export function gzipCompress(bytes: Buffer, level = GZIP_DEFAULT_LEVEL): Promise<Buffer> {
  return gzipOffLoop(bytes, { level })
}

/** @throws CorruptBatchError, also where more than `maxBytes` would come out */
export function gzipDecompressSync(bytes: Buffer, maxBytes: number): Buffer {
  try {
    return within(maxBytes, zlib.gunzipSync(bytes, limit(maxBytes, bytes.length)))
  } catch (error) {
    throw fault('gzip', error, maxBytes)
  }
}

export async function gzipDecompress(bytes: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return within(maxBytes, await gunzipOffLoop(bytes, limit(maxBytes, bytes.length)))
  } catch (error) {
    throw fault('gzip', error, maxBytes)
  }
}

export function zstdCompressSync(bytes: Buffer, level = ZSTD_DEFAULT_LEVEL): Buffer {
  return zlib.zstdCompressSync(bytes, zstdOptions(bytes, level))
}

export function zstdCompress(bytes: Buffer, level = ZSTD_DEFAULT_LEVEL): Promise<Buffer> {
  return zstdCompressOffLoop(bytes, zstdOptions(bytes, level))
}

/** @throws CorruptBatchError, also where more than `maxBytes` would come out */
export function zstdDecompressSync(bytes: Buffer, maxBytes: number): Buffer {
  const pieces = new Pieces(maxBytes)
  for (const frame of zstdFrames(bytes)) {
    try {
      pieces.add(zlib.zstdDecompressSync(frame, limit(pieces.bytesLeft, frame.length)))
    } catch (error) {
      throw fault('Zstandard', error, maxBytes)
    }
  }
  return pieces.joined()
}

export async function zstdDecompress(bytes: Buffer, maxBytes: number): Promise<Buffer> {
  const pieces = new Pieces(maxBytes)
  for (const frame of zstdFrames(bytes)) {
    try {
      pieces.add(await zstdDecompressOffLoop(frame, limit(pieces.bytesLeft, frame.length)))
    } catch (error) {
      throw fault('Zstandard', error, maxBytes)
    }
  }
  return pieces.joined()
}

/** What came out of the frames of one stream. */
class Pieces {
  readonly #maxBytes: number
  readonly #pieces: Buffer[] = []
  #bytesLeft: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
    this.#bytesLeft = maxBytes
  }

  get bytesLeft(): number {
    return this.#bytesLeft
  }

  add(piece: Buffer): void {
    this.#bytesLeft -= piece.length
    if (this.#bytesLeft < 0) throw new DecompressedTooLargeError(this.#maxBytes, 0)
    this.#pieces.push(piece)
  }

  joined(): Buffer {
    return this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces)
  }
}

/** The frame then says how long its content is, which the decoder makes use of. */
function zstdOptions(bytes: Buffer, level: number): zlib.ZstdOptions {
  return { params: { [zlib.constants.ZSTD_c_compressionLevel]: level }, pledgedSrcSize: bytes.length }
}

/**
 * Content mostly comes to less than this many times its compressed size, and then comes in one piece: each further one
 * costs a trip to another thread and back. Node's own pieces of 16 KiB made 1 MiB of JSON take two to three times as long.
 */
const USUAL_RATIO = 8
const LEAST_PIECE_BYTES = 1024
const MOST_PIECE_BYTES = 1024 * 1024

/** Node takes no limit of nothing. */
function limit(maxBytes: number, compressedBytes: number): { maxOutputLength: number; chunkSize: number } {
  const expected = Math.min(compressedBytes * USUAL_RATIO, maxBytes, MOST_PIECE_BYTES)
  return { maxOutputLength: Math.max(1, maxBytes), chunkSize: Math.max(LEAST_PIECE_BYTES, expected) }
}

function within(maxBytes: number, content: Buffer): Buffer {
  if (content.length > maxBytes) throw new DecompressedTooLargeError(maxBytes, 0)
  return content
}

function fault(format: string, error: unknown, maxBytes: number): CorruptBatchError {
  if (error instanceof CorruptBatchError) return error
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ERR_BUFFER_TOO_LARGE') return new DecompressedTooLargeError(maxBytes, 0)
  const reason = error instanceof Error ? error.message : String(error)
  return new CorruptBatchError(`${format} content cannot be decompressed (${reason})`, 0)
}

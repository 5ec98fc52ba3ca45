import { Readable } from 'node:stream'
import { constants, createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from 'node:zlib'
import { BrokerError } from '../broker/broker-error.ts'
import type { ContentEncoding } from './content-encoding.ts'

/** Unpacked so much at a time, off the event loop: with less, the way there and back takes longer than the work. */
const CHUNK_BYTES = 128 * 1024
/** What a frame of zstd may have its decoder keep: 8 MiB, as RFC 9659 has it for bodies of HTTP. */
const ZSTD_WINDOW_LOG_MAX = 23
/** Frames that each need a decoder of their own; one a KiB may come beyond. */
const SPARE_FRAMES = 100
const FRAME_MIN_BYTES = 1024

type Decoder = Gunzip | ZstdDecompress

/**
 * A body without its Content-Encoding. It reads no more than its reader takes: what is unpacked ahead is a chunk or two.
 *
 * Several frames (members, as gzip calls them) may follow each other; what is no frame, and a frame without its end, is an
 * error. Errors are those of the body underneath, or a BrokerError.
 */
export class DecodedBody extends Readable {
  readonly #packed: Readable
  readonly #encoding: ContentEncoding
  #decoder: Decoder
  /** What the decoder works on, and what it had worked off before. */
  #chunk: Buffer = noBytes
  #doneBefore = 0
  #packedBytes = 0
  #framesBehind = 0
  #ended = false

  constructor(packed: Readable, encoding: ContentEncoding) {
    super({ highWaterMark: CHUNK_BYTES })
    this.#packed = packed
    this.#encoding = encoding
    this.#decoder = this.#begin()
    packed.on('data', this.#onPacked)
    packed.on('end', this.#onPackedEnd)
    packed.on('error', this.#onPackedError)
  }

  override _read(): void {
    this.#decoder.resume()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#packed.off('data', this.#onPacked)
    this.#packed.off('end', this.#onPackedEnd)
    this.#decoder.destroy()
    this.#chunk = noBytes
    done(error)
  }

  readonly #onPacked = (chunk: Buffer): void => {
    this.#packedBytes += chunk.length
    this.#packed.pause()
    this.#feed(chunk)
  }

  readonly #onPackedEnd = (): void => {
    this.#ended = true
    if (this.#chunk.length === 0) this.#decoder.end()
  }

  readonly #onPackedError = (error: Error): void => {
    this.destroy(error)
  }

  #feed(chunk: Buffer): void {
    const decoder = this.#decoder
    this.#chunk = chunk
    this.#doneBefore = decoder.bytesWritten
    // Not called for a chunk that goes on behind the end of a frame.
    decoder.write(chunk, (error) => {
      if (error || decoder !== this.#decoder || this.destroyed) return
      this.#chunk = noBytes
      if (this.#ended) decoder.end()
      else this.#packed.resume()
    })
  }

  #begin(): Decoder {
    const decoder: Decoder =
      this.#encoding === 'gzip'
        ? createGunzip({ chunkSize: CHUNK_BYTES })
        : createZstdDecompress({
            chunkSize: CHUNK_BYTES,
            params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX },
          })
    decoder.on('data', (piece: Buffer) => {
      if (!this.push(piece)) decoder.pause()
    })
    decoder.on('end', () => this.#frameEnd())
    decoder.on('error', (error: Error) => this.destroy(this.#refused(error)))
    return decoder
  }

  /** The decoder takes no more: because nothing is left, or because another frame has to begin. */
  #frameEnd(): void {
    const rest = this.#chunk.subarray(this.#decoder.bytesWritten - this.#doneBefore)
    if (rest.length === 0) {
      this.push(null)
      return
    }
    this.#framesBehind++
    if (this.#framesBehind > SPARE_FRAMES + this.#packedBytes / FRAME_MIN_BYTES) {
      this.destroy(undecodable(this.#encoding, 'it is cut into too many small frames'))
      return
    }
    this.#decoder.destroy()
    this.#decoder = this.#begin()
    this.#feed(rest)
  }

  #refused(error: Error & { code?: string }): BrokerError {
    if (error.code === 'Z_BUF_ERROR') return undecodable(this.#encoding, 'it ends before its time', error)
    if (error.code === 'ZSTD_error_frameParameter_windowTooLarge') {
      return undecodable(this.#encoding, 'its window is larger than 8 MiB; pack it without --ultra and --long', error)
    }
    const behind = this.#framesBehind > 0 || this.#decoder.bytesWritten > 0
    return undecodable(
      this.#encoding,
      behind ? 'what goes on behind its beginning is none' : 'it begins as none',
      error,
    )
  }
}

const noBytes: Buffer = Buffer.alloc(0)

function undecodable(encoding: ContentEncoding, why: string, cause?: Error): BrokerError {
  return new BrokerError(
    'INVALID_REQUEST',
    `The body is not the ${encoding} that its Content-Encoding says: ${why}. Send all of it, and nothing behind it.`,
    { stored: 'no', ...(cause !== undefined && { cause }) },
  )
}

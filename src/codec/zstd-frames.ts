import { CorruptBatchError } from './corrupt-batch-error.ts'

/*
 * A Zstandard frame; numbers are little-endian.
 *
 *   magic 0xFD2FB528 │ descriptor │ window, 1 byte unless single segment │ dictionary id, 0–4 bytes │
 *   content size, 0–8 bytes │ blocks: header 3 bytes (bit 0 last, bits 1–2 type, the rest size) │ bytes │
 *   checksum, 4 bytes, where the descriptor says so
 *
 *   descriptor  bits 7–6 length of the content size │ 5 single segment │ 2 checksum │ 1–0 length of the dictionary id
 *
 * Frames follow one another, and among them skippable ones: magic 0x184D2A50 to 5F │ size uint32 │ bytes.
 */

const MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50
const SINGLE_SEGMENT_BIT = 0x20
const CHECKSUM_BIT = 0x04
const CHECKSUM_BYTES = 4
const BLOCK_HEADER_BYTES = 3
/** One byte, repeated as often as the size says. */
const RUN_LENGTH_BLOCK = 1
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const

/** A producer writes one; each takes a decoder of its own. */
const MAX_FRAMES = 1024

/**
 * The frames of a stream, without those that are skipped: Node's decoder reads the first and leaves the others. Finds
 * their ends by their block headers; what the blocks hold is not looked at.
 *
 * @throws CorruptBatchError where the bytes do not end with a frame
 */
export function* zstdFrames(bytes: Buffer): Generator<Buffer> {
  let frames = 0
  for (let at = 0; at < bytes.length;) {
    if (++frames > MAX_FRAMES) throw new CorruptBatchError(`more than ${MAX_FRAMES} Zstandard frames`, at)
    const magic = readMagic(bytes, at)
    const end = magic === MAGIC ? frameEnd(bytes, at) : at + 8 + bytes.readUInt32LE(at + 4)
    if (end > bytes.length) throw cutOff(bytes)
    if (magic === MAGIC) yield bytes.subarray(at, end)
    at = end
  }
}

function readMagic(bytes: Buffer, at: number): number {
  if (bytes.length - at < 8) throw cutOff(bytes)
  const magic = bytes.readUInt32LE(at)
  if (magic !== MAGIC && (magic & 0xffff_fff0) >>> 0 !== SKIPPABLE_MAGIC) {
    throw new CorruptBatchError('no Zstandard frame', at)
  }
  return magic
}

function frameEnd(bytes: Buffer, start: number): number {
  const descriptor = bytes[start + 4]!
  let at = start + 5 + headerFieldsBytes(descriptor)
  for (;;) {
    if (bytes.length - at < BLOCK_HEADER_BYTES) throw cutOff(bytes)
    const header = bytes.readUIntLE(at, BLOCK_HEADER_BYTES)
    const isRun = ((header >> 1) & 3) === RUN_LENGTH_BLOCK
    at += BLOCK_HEADER_BYTES + (isRun ? 1 : header >> 3)
    if ((header & 1) === 1) break
  }
  return (descriptor & CHECKSUM_BIT) === 0 ? at : at + CHECKSUM_BYTES
}

/** Of window, dictionary id and content size. */
function headerFieldsBytes(descriptor: number): number {
  const isSingleSegment = (descriptor & SINGLE_SEGMENT_BIT) !== 0
  const contentSizeBytes = CONTENT_SIZE_BYTES[(descriptor >> 6) & 3]!
  const dictionaryIdBytes = DICTIONARY_ID_BYTES[descriptor & 3]!
  if (!isSingleSegment) return 1 + dictionaryIdBytes + contentSizeBytes
  return dictionaryIdBytes + Math.max(1, contentSizeBytes)
}

function cutOff(bytes: Buffer): CorruptBatchError {
  return new CorruptBatchError('Zstandard frame is cut off', bytes.length)
}

import assert from 'node:assert/strict'
import { crc32c } from '../../codec/crc32c.ts'
import { readInt64, writeInt64 } from '../../codec/int64.ts'

/*
 * A frame of the commit journal. All numbers are big-endian; frames begin at multiples of 4 KiB and are padded with
 * zeros to the next one, so that a torn write never touches the frame before.
 *
 *    0  magic        uint32  "PHJF"
 *    4  headerCrc    uint32  CRC-32C of bytes 8 to 63
 *    8  journalId    8 bytes of randomness, made with the journal: record bytes inside a torn frame cannot pass for one
 *   16  cycle        int64   how often the writer has changed files
 *   24  round        int64   rises by one with each frame, over both files, for ever
 *   32  version      uint8   1
 *   33  kind         uint8   1 round, 2 checkpoint, 3 checkpoint of a clean stop
 *   34  (zero)       2 bytes
 *   36  bodyBytes    uint32
 *   40  bodyCrc      uint32  CRC-32C of the body
 *   44  (zero)       20 bytes
 *   64  body         sections, one behind the other:
 *
 *         0  type     uint16   1 batches, 2 checkpoint, 3 producers, 4 producers file
 *         2  version  uint16   of this type's content
 *         4  length   uint32   bytes of content
 *         8  content
 *
 * A section type or version that is not known makes the frame unreadable: nothing is skipped that may hold facts.
 */

export const FRAME_ALIGNMENT_BYTES = 4096
export const FRAME_HEADER_BYTES = 64
export const SECTION_HEADER_BYTES = 8
export const JOURNAL_ID_BYTES = 8

const MAGIC = 0x50484a46
const VERSION = 1

export type FrameKind = 'round' | 'checkpoint' | 'clean'
const kindNumbers: Record<FrameKind, number> = { round: 1, checkpoint: 2, clean: 3 }
const kindsByNumber: readonly (FrameKind | undefined)[] = [undefined, 'round', 'checkpoint', 'clean']

export interface FrameAddress {
  readonly journalId: Uint8Array
  readonly cycle: number
  readonly round: number
}

export interface Section {
  readonly type: number
  readonly version: number
  readonly content: readonly Uint8Array[]
}

export interface Frame {
  readonly cycle: number
  readonly round: number
  readonly kind: FrameKind
  /** Padding included. */
  readonly sizeBytes: number
  readonly sections: readonly DecodedSection[]
}

export interface DecodedSection {
  readonly type: number
  readonly version: number
  readonly content: Buffer
}

/** Of a section in a frame, its header included. */
export function sectionBytes({ content }: Section): number {
  return content.reduce((sum, bytes) => sum + bytes.length, SECTION_HEADER_BYTES)
}

export function alignedBytes(sizeBytes: number): number {
  return Math.ceil(sizeBytes / FRAME_ALIGNMENT_BYTES) * FRAME_ALIGNMENT_BYTES
}

const padding = Buffer.alloc(FRAME_ALIGNMENT_BYTES)

/** The frame's bytes, padding included: to be written one behind the other. */
export function encodeFrame(address: FrameAddress, kind: FrameKind, sections: readonly Section[]): Uint8Array[] {
  const header = Buffer.alloc(FRAME_HEADER_BYTES)
  const buffers: Uint8Array[] = [header]
  let bodyBytes = 0
  let bodyCrc = 0
  const put = (bytes: Uint8Array): void => {
    buffers.push(bytes)
    bodyBytes += bytes.length
    bodyCrc = crc32c(bytes, bodyCrc)
  }
  for (const section of sections) {
    put(sectionHeader(section))
    for (const bytes of section.content) put(bytes)
  }
  writeHeader(header, address, kind, bodyBytes, bodyCrc)
  const padded = alignedBytes(FRAME_HEADER_BYTES + bodyBytes)
  buffers.push(padding.subarray(0, padded - FRAME_HEADER_BYTES - bodyBytes))
  return buffers
}

function sectionHeader(section: Section): Buffer {
  const header = Buffer.alloc(SECTION_HEADER_BYTES)
  header.writeUInt16BE(section.type, 0)
  header.writeUInt16BE(section.version, 2)
  let length = 0
  for (const bytes of section.content) length += bytes.length
  header.writeUInt32BE(length, 4)
  return header
}

function writeHeader(header: Buffer, address: FrameAddress, kind: FrameKind, bodyBytes: number, bodyCrc: number): void {
  assert.equal(address.journalId.length, JOURNAL_ID_BYTES)
  header.writeUInt32BE(MAGIC, 0)
  header.set(address.journalId, 8)
  writeInt64(header, 16, address.cycle)
  writeInt64(header, 24, address.round)
  header[32] = VERSION
  header[33] = kindNumbers[kind]
  header.writeUInt32BE(bodyBytes, 36)
  header.writeUInt32BE(bodyCrc, 40)
  header.writeUInt32BE(crc32c(header.subarray(8)), 4)
}

/** Cycle, round and size of the frame at `at`, if its header is whole; the body is not looked at. */
export function peekFrame(buf: Buffer, at: number, journalId: Uint8Array): FrameHeader | undefined {
  if (at + FRAME_HEADER_BYTES > buf.length || buf.readUInt32BE(at) !== MAGIC) return undefined
  const header = buf.subarray(at, at + FRAME_HEADER_BYTES)
  if (crc32c(header.subarray(8)) !== header.readUInt32BE(4)) return undefined
  if (!header.subarray(8, 16).equals(journalId) || header[32] !== VERSION) return undefined
  const kind = kindsByNumber[header[33] ?? 0]
  if (!kind) return undefined
  const bodyBytes = header.readUInt32BE(36)
  return {
    cycle: readInt64(header, 16),
    round: readInt64(header, 24),
    kind,
    bodyBytes,
    sizeBytes: alignedBytes(FRAME_HEADER_BYTES + bodyBytes),
  }
}

export interface FrameHeader {
  readonly cycle: number
  readonly round: number
  readonly kind: FrameKind
  readonly bodyBytes: number
  /** Padding included. */
  readonly sizeBytes: number
}

/** The frame at `at`; undefined if there is none, or not all of it, or any bit of it is not as it was written. */
export function decodeFrame(buf: Buffer, at: number, journalId: Uint8Array): Frame | undefined {
  const header = peekFrame(buf, at, journalId)
  if (!header) return undefined
  const start = at + FRAME_HEADER_BYTES
  const end = start + header.bodyBytes
  if (end > buf.length) return undefined
  const body = buf.subarray(start, end)
  if (crc32c(body) !== buf.readUInt32BE(at + 40)) return undefined
  const sections = decodeSections(body)
  return sections && { ...header, sections }
}

function decodeSections(body: Buffer): DecodedSection[] | undefined {
  const sections: DecodedSection[] = []
  let at = 0
  while (at < body.length) {
    if (at + SECTION_HEADER_BYTES > body.length) return undefined
    const end = at + SECTION_HEADER_BYTES + body.readUInt32BE(at + 4)
    if (end > body.length) return undefined
    sections.push({
      type: body.readUInt16BE(at),
      version: body.readUInt16BE(at + 2),
      content: body.subarray(at + SECTION_HEADER_BYTES, end),
    })
    at = end
  }
  return sections
}

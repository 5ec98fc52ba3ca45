import assert from 'node:assert/strict'
import { readInt64, writeInt64 } from '../../codec/int64.ts'
import type { DecodedSection, Section } from './frame.ts'

/*
 * What a round commits, as a section of its frame (type 1, version 1). Numbers are big-endian.
 *
 *    0  entryCount   uint32
 *    4  (zero)       4 bytes
 *    8  entries      64 bytes each:
 *
 *         0  topicId            16 bytes
 *        16  partition          uint32
 *        20  named              uint32  0: the bytes are in this section; 1: they are in the segment already
 *        24  segmentBaseOffset  int64
 *        32  position           int64   of the first byte in the segment
 *        40  firstOffset        int64
 *        48  lastOffset         int64
 *        56  lengthBytes        uint32
 *        60  crc                uint32  CRC-32C of the bytes, if named; else 0, the frame's own covers them
 *
 *    …  the bytes of the entries that are not named, in their order
 */

export const BATCHES_SECTION = 1
const VERSION = 1
const COUNT_BYTES = 8
export const BATCHES_SECTION_OVERHEAD_BYTES = COUNT_BYTES
export const ENTRY_BYTES = 64

/** Batches of one partition that lie one behind the other in one segment. */
export interface RoundEntry {
  readonly topicIdBytes: Buffer
  readonly partition: number
  readonly segmentBaseOffset: number
  readonly position: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly lengthBytes: number
  readonly content: EntryContent
}

export type EntryContent = { readonly batches: readonly Uint8Array[] } | { readonly namedCrc: number }

export interface DecodedEntry extends Omit<RoundEntry, 'content'> {
  readonly content: { readonly bytes: Buffer } | { readonly namedCrc: number }
}

export function batchesSection(entries: readonly RoundEntry[]): Section {
  const table = Buffer.alloc(COUNT_BYTES + entries.length * ENTRY_BYTES)
  const content: Uint8Array[] = [table]
  table.writeUInt32BE(entries.length, 0)
  let at = COUNT_BYTES
  for (const entry of entries) {
    writeEntry(table, at, entry)
    if ('batches' in entry.content) content.push(...entry.content.batches)
    at += ENTRY_BYTES
  }
  return { type: BATCHES_SECTION, version: VERSION, content }
}

function writeEntry(table: Buffer, at: number, entry: RoundEntry): void {
  assert.equal(entry.topicIdBytes.length, 16)
  table.set(entry.topicIdBytes, at)
  table.writeUInt32BE(entry.partition, at + 16)
  writeInt64(table, at + 24, entry.segmentBaseOffset)
  writeInt64(table, at + 32, entry.position)
  writeInt64(table, at + 40, entry.firstOffset)
  writeInt64(table, at + 48, entry.lastOffset)
  table.writeUInt32BE(entry.lengthBytes, at + 56)
  if ('namedCrc' in entry.content) {
    table.writeUInt32BE(1, at + 20)
    table.writeUInt32BE(entry.content.namedCrc, at + 60)
  }
}

/** Undefined where the section is not of this kind, or does not add up. */
export function decodeBatchesSection(section: DecodedSection): DecodedEntry[] | undefined {
  const { content } = section
  if (section.type !== BATCHES_SECTION || section.version !== VERSION || content.length < COUNT_BYTES) return undefined
  const count = content.readUInt32BE(0)
  let bytesAt = COUNT_BYTES + count * ENTRY_BYTES
  if (bytesAt > content.length) return undefined
  const entries: DecodedEntry[] = []
  for (let index = 0; index < count; index++) {
    const entry = readEntry(content, COUNT_BYTES + index * ENTRY_BYTES, bytesAt)
    if ('bytes' in entry.content) {
      if (entry.content.bytes.length !== entry.lengthBytes) return undefined
      bytesAt += entry.lengthBytes
    }
    entries.push(entry)
  }
  return bytesAt === content.length ? entries : undefined
}

function readEntry(content: Buffer, at: number, bytesAt: number): DecodedEntry {
  const lengthBytes = content.readUInt32BE(at + 56)
  const named = content.readUInt32BE(at + 20) === 1
  return {
    topicIdBytes: content.subarray(at, at + 16),
    partition: content.readUInt32BE(at + 16),
    segmentBaseOffset: readInt64(content, at + 24),
    position: readInt64(content, at + 32),
    firstOffset: readInt64(content, at + 40),
    lastOffset: readInt64(content, at + 48),
    lengthBytes,
    content: named
      ? { namedCrc: content.readUInt32BE(at + 60) }
      : { bytes: content.subarray(bytesAt, bytesAt + lengthBytes) },
  }
}

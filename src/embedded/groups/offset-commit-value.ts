import { readInt64, writeInt64 } from '../../codec/int64.ts'
import { UnsignedVarintReader, unsignedVarintBytes, writeUnsignedVarint } from './unsigned-varint.ts'

/*
 * OffsetCommitValue version 4, the value of a committed offset (Kafka: OffsetCommitValue.json; the first flexible
 * version, and the only one that can say which topic id the offset belongs to). Big-endian.
 *
 *   0   int16     version 4
 *   2   int64     offset: the next one to read
 *   10  int32     leader epoch, −1 = not known
 *   14  uvarint   length of metadata + 1, then its UTF-8
 *   …   int64     commit timestamp, Unix milliseconds
 *   …   uvarint   number of tagged fields; each: uvarint tag, uvarint size, bytes
 *                   tag 0, 16 bytes: topic id
 */
const VERSION = 4
const FIXED_BYTES = 2 + 8 + 4 + 8
const TOPIC_ID_TAG = 0
const TOPIC_ID_BYTES = 16
const TAGGED_FIELDS_BYTES = 3 + TOPIC_ID_BYTES
const LEADER_EPOCH_NOT_KNOWN = -1

export interface OffsetCommitValue {
  readonly nextOffset: number
  readonly metadata: string
  readonly commitTimestamp: number
  /** 22 characters of base64url. */
  readonly topicId: string
}

export function offsetCommitValueBytes(metadata: string): number {
  const size = Buffer.byteLength(metadata)
  return FIXED_BYTES + unsignedVarintBytes(size + 1) + size + TAGGED_FIELDS_BYTES
}

/** Returns the position behind the value; there must be room for `offsetCommitValueBytes`. */
export function writeOffsetCommitValue(into: Buffer, at: number, value: OffsetCommitValue): number {
  let position = into.writeInt16BE(VERSION, at)
  writeInt64(into, position, value.nextOffset)
  position = into.writeInt32BE(LEADER_EPOCH_NOT_KNOWN, position + 8)
  position = writeUnsignedVarint(into, position, Buffer.byteLength(value.metadata) + 1)
  position += into.write(value.metadata, position)
  writeInt64(into, position, value.commitTimestamp)
  position = writeUnsignedVarint(into, position + 8, 1)
  position = writeUnsignedVarint(into, position, TOPIC_ID_TAG)
  position = writeUnsignedVarint(into, position, TOPIC_ID_BYTES)
  return position + into.write(value.topicId, position, 'base64url')
}

function isOffsetOrTime(value: number): boolean {
  return value >= 0 && Number.isSafeInteger(value)
}

/** Finds the parts of a value in place, without making objects; the fields count after `read` returned true. */
export class OffsetCommitValueReader {
  nextOffset = 0
  commitTimestamp = 0
  metadataStart = 0
  metadataEnd = 0
  topicIdStart = 0
  topicIdEnd = 0
  readonly #varints = new UnsignedVarintReader()

  /** False for another version, for a value that names no topic id, and for bytes that fit no layout. */
  read(bytes: Buffer, start: number, end: number): boolean {
    if (end - start < FIXED_BYTES || bytes.readInt16BE(start) !== VERSION) return false
    this.nextOffset = readInt64(bytes, start + 2)
    const varints = this.#varints
    varints.start(bytes, start + 14, end)
    const metadataBytes = varints.next() - 1
    this.metadataStart = varints.position
    this.metadataEnd = varints.position + metadataBytes
    if (metadataBytes < 0 || this.metadataEnd + 8 > end) return false
    this.commitTimestamp = readInt64(bytes, this.metadataEnd)
    if (!isOffsetOrTime(this.nextOffset) || !isOffsetOrTime(this.commitTimestamp)) return false
    return this.#readTaggedFields(bytes, this.metadataEnd + 8, end)
  }

  #readTaggedFields(bytes: Buffer, at: number, end: number): boolean {
    const varints = this.#varints
    varints.start(bytes, at, end)
    this.topicIdStart = -1
    for (let left = varints.next(); left > 0; left--) {
      const tag = varints.next()
      const size = varints.next()
      if (varints.failed || varints.position + size > end) return false
      if (tag === TOPIC_ID_TAG) {
        if (size !== TOPIC_ID_BYTES) return false
        this.topicIdStart = varints.position
        this.topicIdEnd = varints.position + size
      }
      varints.position += size
    }
    return !varints.failed && varints.position === end && this.topicIdStart >= 0
  }
}

import assert from 'node:assert/strict'

/*
 * OffsetCommitKey, the key of a committed offset in `__consumer_offsets` (Kafka: OffsetCommitKey.json, coordinator key
 * type 1). Big-endian.
 *
 *   0   int16   type 1
 *   2   int16   length of group, then its UTF-8
 *   …   int16   length of topic, then its UTF-8
 *   …   int32   partition
 */
const KEY_TYPE = 1
const FIXED_BYTES = 2 + 2 + 2 + 4

export function offsetCommitKeyBytes(group: string, topic: string): number {
  return FIXED_BYTES + Buffer.byteLength(group) + Buffer.byteLength(topic)
}

/** Returns the position behind the key; there must be room for `offsetCommitKeyBytes`. */
export function writeOffsetCommitKey(
  into: Buffer,
  at: number,
  group: string,
  topic: string,
  partition: number,
): number {
  let position = into.writeInt16BE(KEY_TYPE, at)
  position = writeString(into, position, group)
  position = writeString(into, position, topic)
  return into.writeInt32BE(partition, position)
}

function writeString(into: Buffer, at: number, text: string): number {
  const size = into.write(text, at + 2)
  assert.ok(size <= 0x7fff, 'names are checked before they come here')
  into.writeInt16BE(size, at)
  return at + 2 + size
}

/**
 * Finds the parts of a key in place, without making objects. After `read` said `offset-commit` the fields hold the spans;
 * `other` is a key of another type, which the same topic may hold; `malformed` fits no layout.
 */
export class OffsetCommitKeyReader {
  groupStart = 0
  groupEnd = 0
  topicStart = 0
  topicEnd = 0
  partition = 0

  read(bytes: Buffer, start: number, end: number): 'offset-commit' | 'other' | 'malformed' {
    if (end - start < 2) return 'malformed'
    if (bytes.readInt16BE(start) !== KEY_TYPE) return 'other'
    this.groupEnd = stringEnd(bytes, start + 2, end)
    if (this.groupEnd < 0) return 'malformed'
    this.groupStart = start + 4
    this.topicEnd = stringEnd(bytes, this.groupEnd, end)
    if (this.topicEnd < 0 || end - this.topicEnd !== 4) return 'malformed'
    this.topicStart = this.groupEnd + 2
    this.partition = bytes.readInt32BE(this.topicEnd)
    return this.partition < 0 ? 'malformed' : 'offset-commit'
  }
}

/** Where a string whose length is at `at` ends; −1 if it does not fit. */
function stringEnd(bytes: Buffer, at: number, end: number): number {
  if (end - at < 2) return -1
  const length = bytes.readInt16BE(at)
  const stringEndAt = at + 2 + length
  return length < 0 || stringEndAt > end ? -1 : stringEndAt
}

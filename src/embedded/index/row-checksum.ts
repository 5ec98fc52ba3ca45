import { crc32c } from '../../codec/crc32c.ts'
import { writeInt64 } from '../../codec/int64.ts'
import type { SegmentKey } from './segment-index.ts'

const OFFSET_ROW = 1
const TIME_ROW = 2

const fields = Buffer.alloc(3 * 8)

/** CRC-32C of all that names the segment; the rows' checksums go on from it. */
export function segmentSeed(segment: SegmentKey): number {
  writeInt64(fields, 0, segment.partition)
  writeInt64(fields, 8, segment.segmentBaseOffset)
  writeInt64(fields, 16, segment.generation)
  return crc32c(fields, crc32c(Buffer.from(segment.topicId, 'latin1')))
}

/** @param seed the segment's */
export function offsetRowCrc(seed: number, offset: number, position: number): number {
  return rowCrc(seed, OFFSET_ROW, offset, position)
}

/** @param seed the segment's */
export function timeRowCrc(seed: number, timestamp: number, offset: number, position: number): number {
  return rowCrc(rowCrc(seed, TIME_ROW, offset, position), TIME_ROW, timestamp, 0)
}

function rowCrc(seed: number, kind: number, first: number, second: number): number {
  writeInt64(fields, 0, kind)
  writeInt64(fields, 8, first)
  writeInt64(fields, 16, second)
  return crc32c(fields, seed)
}

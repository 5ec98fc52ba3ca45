/** Bytes of records, without compression, read for one piece of a stream, but for one larger record. */
export const STEP_MAX_BYTES = 128 * 1024
/** Of small records most of a piece is what stands around them: their ids, and the members of a record. */
const AROUND_MAX_BYTES = 256 * 1024
const MEMBERS_BYTES = 128

/** Records of one piece: the ids of many partitions are long, and what is written at once takes memory and time. */
export function stepMaxRecords(cursor: string): number {
  return Math.floor(AROUND_MAX_BYTES / (cursor.length + MEMBERS_BYTES))
}

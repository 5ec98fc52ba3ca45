import { Reader } from '@platformatic/kafka'
import type { AbortedTransaction } from './readable-batches.ts'
import type { PartitionId } from './fetch-request.ts'

export interface FetchResponse {
  /** Of the session, or of all; 0 = none. */
  readonly errorCode: number
  /** 0 = the broker keeps none. */
  readonly sessionId: number
  /** Of a session only those with news. */
  readonly partitions: readonly FetchedPartition[]
}

export interface FetchedPartition extends PartitionId {
  /** Kafka's number; 0 = none. */
  readonly errorCode: number
  /** The end of what may be read by readers of committed records only. −1 = unknown. */
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** Sorted by their first offset. */
  readonly aborted: readonly AbortedTransaction[]
  /** Batches as the broker has them; the last one may be cut off. */
  readonly records: Buffer
}

const noRecords = Buffer.alloc(0)

/** The answer to a Fetch of version 15. Its records are views of one buffer, which holds the answer as it came. */
export function readFetchResponse(
  _correlationId: number,
  _key: number,
  _version: number,
  reader: Reader,
): FetchResponse {
  // In one piece, which is copied together at most once: finding a place in chunks costs more with each of them.
  const whole = Reader.from(reader.buffer.slice(reader.position))
  // Throttle time: the broker mutes the connection itself.
  whole.skip(4)
  const errorCode = whole.readInt16()
  const sessionId = whole.readInt32()
  const topics = whole.readArray((topic) => {
    const uuid = topic.readUUID()
    return topic.readArray((partition) => readPartition(partition, uuid))
  })
  return { errorCode, sessionId, partitions: topics.flat() }
}

function readPartition(reader: Reader, uuid: string): FetchedPartition {
  const partition = reader.readInt32()
  const errorCode = reader.readInt16()
  // The high watermark, which is of no use to readers of committed records.
  reader.skip(8)
  const lastStableOffset = Number(reader.readInt64())
  const logStartOffset = Number(reader.readInt64())
  const aborted = reader.readArray((entry) => ({
    producerId: entry.readInt64(),
    firstOffset: Number(entry.readInt64()),
  }))
  // The preferred replica: it is named to those only who say their rack.
  reader.skip(4)
  const records = reader.readNullableBytes() ?? noRecords
  return { uuid, partition, errorCode, lastStableOffset, logStartOffset, aborted, records }
}

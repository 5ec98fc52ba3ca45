import { Writer } from '@platformatic/kafka'

/*
 * Fetch, version 15: topics by their ids (from 13 on), no replica id (from 15 on). Arrays and strings are compact: their
 * length plus one as an unsigned varint; `tags` is an empty section of tagged fields, one zero byte.
 *
 *   maxWaitMs int32 | minBytes int32 | maxBytes int32 | isolation int8 | sessionId int32 | sessionEpoch int32
 *   topics    [ topicId 16 bytes | [ partition int32 | leaderEpoch int32 | offset int64 | lastFetchedEpoch int32 |
 *               logStartOffset int64 | maxBytes int32 | tags ] | tags ]
 *   forgotten [ topicId 16 bytes | [ partition int32 ] | tags ]
 *   rack string | tags
 */

export const FETCH_KEY = 1
export const FETCH_VERSION = 15

const READ_UNCOMMITTED = 0
const READ_COMMITTED = 1
const HEAD_BYTES = 21
const POSITION_BYTES = 33
const TOPIC_ID_BYTES = 16
/** The longest length of an array, and the tags behind it. */
const ARRAY_BYTES = 6

export interface FetchRequest {
  /** How long the broker waits for the first byte. */
  readonly maxWaitMs: number
  /** Of record batches in all; the first batch comes whole, whatever its size. */
  readonly maxBytes: number
  /** Default: what is committed alone, up to the first transaction that has not ended. Else all that is replicated. */
  readonly isolation?: 'committed' | 'uncommitted'
  /** 0 with epoch −1: no session. 0 with epoch 0: begin one. */
  readonly sessionId: number
  readonly sessionEpoch: number
  /** Each partition at most once; read in this order. */
  readonly positions: readonly FetchPosition[]
  /** What the session is to leave out from now on. */
  readonly forgotten: readonly PartitionId[]
}

export interface PartitionId {
  /** With hyphens, as the client library has it. */
  readonly uuid: string
  readonly partition: number
}

export interface FetchPosition extends PartitionId {
  readonly offset: number
  readonly maxBytes: number
}

/** `topic` + partition as a key of maps. */
export function partitionKeyOf({ uuid, partition }: PartitionId): string {
  return `${uuid}:${partition}`
}

export function writeFetchRequest(request: FetchRequest): Writer {
  const topics = byTopic(request.positions)
  const forgotten = byTopic(request.forgotten)
  const bytes = Buffer.allocUnsafe(
    HEAD_BYTES + roomFor(topics, POSITION_BYTES) + roomFor(forgotten, 4) + 2 * ARRAY_BYTES,
  )
  bytes.writeInt32BE(request.maxWaitMs, 0)
  bytes.writeInt32BE(1, 4)
  bytes.writeInt32BE(request.maxBytes, 8)
  bytes.writeInt8(request.isolation === 'uncommitted' ? READ_UNCOMMITTED : READ_COMMITTED, 12)
  bytes.writeInt32BE(request.sessionId, 13)
  bytes.writeInt32BE(request.sessionEpoch, 17)
  let at = writeTopics(bytes, HEAD_BYTES, topics, writePosition)
  at = writeTopics(bytes, at, forgotten, (buffer, position, { partition }) => buffer.writeInt32BE(partition, position))
  // No rack, which is an empty string, and no tags.
  bytes[at++] = 1
  bytes[at++] = 0
  return Writer.create().append(bytes.subarray(0, at))
}

function writePosition(bytes: Buffer, at: number, { partition, offset, maxBytes }: FetchPosition): number {
  bytes.writeInt32BE(partition, at)
  // The leader epoch and the last one fetched are not known: what is below the last stable offset does not change.
  bytes.writeInt32BE(-1, at + 4)
  bytes.writeBigInt64BE(BigInt(offset), at + 8)
  bytes.writeInt32BE(-1, at + 16)
  bytes.writeBigInt64BE(-1n, at + 20)
  bytes.writeInt32BE(maxBytes, at + 28)
  bytes[at + 32] = 0
  return at + POSITION_BYTES
}

/** Runs of one topic, in the order given. */
function byTopic<P extends PartitionId>(partitions: readonly P[]): P[][] {
  const runs: P[][] = []
  for (const partition of partitions) {
    const run = runs.at(-1)
    if (run !== undefined && run[0]?.uuid === partition.uuid) run.push(partition)
    else runs.push([partition])
  }
  return runs
}

function roomFor(topics: readonly (readonly PartitionId[])[], partitionBytes: number): number {
  return topics.reduce((sum, run) => sum + TOPIC_ID_BYTES + ARRAY_BYTES + run.length * partitionBytes, ARRAY_BYTES)
}

function writeTopics<P extends PartitionId>(
  bytes: Buffer,
  from: number,
  topics: readonly (readonly P[])[],
  writePartition: (bytes: Buffer, at: number, partition: P) => number,
): number {
  let at = writeLength(bytes, from, topics.length)
  for (const run of topics) {
    at += bytes.write((run[0]?.uuid ?? '').replaceAll('-', ''), at, 'hex')
    at = writeLength(bytes, at, run.length)
    for (const partition of run) at = writePartition(bytes, at, partition)
    bytes[at++] = 0
  }
  return at
}

function writeLength(bytes: Buffer, from: number, length: number): number {
  let at = from
  let rest = length + 1
  for (; rest >= 0x80; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80
  bytes[at++] = rest
  return at
}

import assert from 'node:assert/strict'
import { isMergeable, mergeBatches } from '../../codec/merge-batches.ts'
import type { OutboundBatch, Shipment } from './outbound-batch.ts'

/** A larger batch costs a broker little more on its own than its records cost to be joined. */
const MERGED_MEMBER_MAX_BYTES = 32 * 1024
const MERGED_MAX_BYTES = 256 * 1024
/** By which a record can grow: its offset and timestamp deltas, and its length, count from elsewhere. */
const RECORD_GROWTH_BYTES = 14

/** Takes off the queue what goes out as one batch: small ones with the same acks together. At least one. */
export function takeMembers(queue: OutboundBatch[]): readonly OutboundBatch[] {
  const [first] = queue
  assert(first !== undefined)
  if (!isSmall(first)) return queue.splice(0, 1)
  let count = 1
  let bytes = grownBytes(first)
  for (let next = queue[1]; next !== undefined && next.acks === first.acks && isSmall(next); next = queue[count]) {
    bytes += grownBytes(next)
    if (bytes > Math.min(MERGED_MAX_BYTES, next.maxBatchBytes, first.maxBatchBytes)) break
    count++
  }
  return queue.splice(0, count)
}

export function shipmentOf(members: readonly OutboundBatch[]): Shipment {
  const [first] = members
  assert(first !== undefined)
  return {
    members,
    bytes: members.length === 1 ? first.bytes : mergeBatches(members.map(({ bytes }) => bytes)),
    recordCount: members.reduce((sum, { recordCount }) => sum + recordCount, 0),
    acks: first.acks,
    sequence: -1,
    isInFlight: false,
    isDoubtful: false,
    failure: undefined,
  }
}

function isSmall({ bytes }: OutboundBatch): boolean {
  return bytes.length <= MERGED_MEMBER_MAX_BYTES && isMergeable(bytes)
}

function grownBytes({ bytes, recordCount }: OutboundBatch): number {
  return bytes.length + recordCount * RECORD_GROWTH_BYTES
}

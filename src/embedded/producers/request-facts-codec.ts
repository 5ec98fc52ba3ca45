import assert from 'node:assert/strict'
import { FINGERPRINT_BYTES } from '../../broker/request-fingerprint.ts'
import { readInt64, writeInt64 } from '../../codec/int64.ts'
import { IDENTITY_HASH_BYTES, type RequestFacts } from './request-facts.ts'

/*
 * The facts of one request, as far as one log directory has its parts. Numbers are big-endian.
 *
 *    0  topicId         16 bytes
 *   16  identityHash    16 bytes
 *   32  fingerprint     16 bytes
 *   48  bornMs          int64
 *   56  arrivedMs       int64
 *   64  sequence        int64
 *   72  partitionCount  uint32
 *   76  epoch           uint16
 *   78  kind            uint8   1 sequence, 2 key
 *   79  (zero)          1 byte
 *   80  listedCount     uint32  0: the parts below are all that the request has
 *   84  storedCount     uint32
 *   88  partitions      uint32 each, all that the request has records for
 *    …  stored parts, 24 bytes each: 0 partition uint32, 4 recordCount uint32, 8 baseOffset int64,
 *       16 logAppendTime int64
 */
const HEAD_BYTES = 88
const LISTED_BYTES = 4
const STORED_BYTES = 24
const TOPIC_ID_BYTES = 16
const kinds = { sequence: 1, key: 2 } as const

/** How many bytes the facts have, of a request with so many parts, so many of them here. */
export function requestFactsBytes(partitionCount: number, storedCount: number): number {
  return HEAD_BYTES + listed(partitionCount, storedCount) * LISTED_BYTES + storedCount * STORED_BYTES
}

function listed(partitionCount: number, storedCount: number): number {
  return partitionCount === storedCount ? 0 : partitionCount
}

/** Returns the position behind. */
export function writeRequestFacts(into: Buffer, start: number, facts: RequestFacts): number {
  const { identityHash, fingerprint, partitions, stored } = facts
  const topicIdBytes = into.write(facts.topicId, start, 'base64url')
  assert.ok(topicIdBytes === TOPIC_ID_BYTES && identityHash.length === IDENTITY_HASH_BYTES)
  assert.ok(fingerprint.length === FINGERPRINT_BYTES)
  into.set(identityHash, start + 16)
  into.set(fingerprint, start + 32)
  writeInt64(into, start + 48, facts.bornMs)
  writeInt64(into, start + 56, facts.arrivedMs)
  writeInt64(into, start + 64, facts.sequence)
  into.writeUInt32BE(facts.partitionCount, start + 72)
  into.writeUInt16BE(facts.epoch, start + 76)
  into.writeUInt16BE(kinds[facts.kind] << 8, start + 78)
  const listedCount = listed(partitions.length, stored.length)
  into.writeUInt32BE(listedCount, start + 80)
  into.writeUInt32BE(stored.length, start + 84)
  let at = start + HEAD_BYTES
  if (listedCount > 0) for (const partition of partitions) at = into.writeUInt32BE(partition, at)
  for (const { partition, baseOffset, lastOffset, logAppendTime } of stored) {
    into.writeUInt32BE(partition, at)
    into.writeUInt32BE(lastOffset - baseOffset + 1, at + 4)
    writeInt64(into, at + 8, baseOffset)
    writeInt64(into, at + 16, logAppendTime)
    at += STORED_BYTES
  }
  return at
}

/** Undefined where they do not lie wholly before `end`, or are not of this kind. Hash and fingerprint are views. */
export function readRequestFacts(
  buf: Buffer,
  start: number,
  end: number,
): { readonly facts: RequestFacts; readonly end: number } | undefined {
  if (start + HEAD_BYTES > end) return undefined
  const kind = buf[start + 78]
  if (kind !== kinds.sequence && kind !== kinds.key) return undefined
  const storedAt = start + HEAD_BYTES + buf.readUInt32BE(start + 80) * LISTED_BYTES
  const factsEnd = storedAt + buf.readUInt32BE(start + 84) * STORED_BYTES
  if (factsEnd > end) return undefined
  const stored = readStored(buf, storedAt, factsEnd)
  const partitions: number[] = []
  for (let at = start + HEAD_BYTES; at < storedAt; at += LISTED_BYTES) partitions.push(buf.readUInt32BE(at))
  const facts: RequestFacts = {
    topicId: buf.toString('base64url', start, start + TOPIC_ID_BYTES),
    kind: kind === kinds.key ? 'key' : 'sequence',
    identityHash: buf.subarray(start + 16, start + 32),
    fingerprint: buf.subarray(start + 32, start + 48),
    bornMs: readInt64(buf, start + 48),
    arrivedMs: readInt64(buf, start + 56),
    sequence: readInt64(buf, start + 64),
    partitionCount: buf.readUInt32BE(start + 72),
    epoch: buf.readUInt16BE(start + 76),
    partitions: partitions.length > 0 ? partitions : stored.map(({ partition }) => partition),
    stored,
  }
  return { facts, end: factsEnd }
}

function readStored(buf: Buffer, from: number, end: number): RequestFacts['stored'] {
  const stored = []
  for (let at = from; at < end; at += STORED_BYTES) {
    const baseOffset = readInt64(buf, at + 8)
    const lastOffset = baseOffset + buf.readUInt32BE(at + 4) - 1
    stored.push({ partition: buf.readUInt32BE(at), baseOffset, lastOffset, logAppendTime: readInt64(buf, at + 16) })
  }
  return stored
}

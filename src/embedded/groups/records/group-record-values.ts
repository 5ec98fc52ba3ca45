import type { GroupEpoch, TargetEpoch } from '../membership/group-record.ts'
import type { MemberAssignment, MemberMetadata, MemberState } from '../membership/group-state.ts'
import type { Assignment } from '../membership/holdings.ts'
import type { MessageReader } from './message-reader.ts'
import { MessageWriter } from './message-writer.ts'
import { readAssignment, readHoldings, writeAssignment, writeHoldings } from './topic-partitions.ts'

/*
 * The values of a group's records, version 0 of Kafka's messages. Strings and arrays are compact (length + 1 as a varint,
 * 0 = null), every struct ends with its tagged fields. Behind an int16 version:
 *
 *   group           int32 epoch | tag 0: int64 hash of the subscribed topics
 *   member          instance id or null | rack id or null | client id | client host | [topic name] | regex or null |
 *                   int32 rebalance timeout, ms | assignor or null | tag 0: what a member of the classic protocol has
 *   target-epoch    int32 assignment epoch | tag 0: int64 time of the assignment
 *   target          [topic partitions]
 *   current         int32 member epoch | int32 previous epoch | int8 state | [assigned] | [to be let go of]
 */
const VERSION = 0
const METADATA_HASH_TAG = 0
const INT64_BYTES = 8
const memberStates: readonly MemberState[] = ['stable', 'unrevoked', 'unreleased']

export function encodeGroupEpoch({ epoch, metadataHash }: GroupEpoch): Buffer {
  const out = begin()
  out.int32(epoch)
  if (metadataHash === 0) out.noTags()
  else {
    out.uvarint(1)
    out.uvarint(METADATA_HASH_TAG)
    out.uvarint(INT64_BYTES)
    out.int64(metadataHash)
  }
  return out.finish()
}

export function readGroupEpoch(from: MessageReader): GroupEpoch {
  const epoch = from.int32()
  let metadataHash = 0
  from.tags((tag) => {
    if (tag !== METADATA_HASH_TAG) return false
    metadataHash = from.int64()
    return true
  })
  return { epoch, metadataHash }
}

export function encodeMemberMetadata(metadata: MemberMetadata): Buffer {
  const out = begin()
  out.compactString(metadata.instanceId)
  out.compactString(null)
  out.compactString(metadata.clientId)
  out.compactString(metadata.clientHost)
  out.count(metadata.topics.length)
  for (const topic of metadata.topics) out.compactString(topic)
  out.compactString(null)
  out.int32(metadata.rebalanceTimeoutMs)
  out.compactString(metadata.assignor)
  out.noTags()
  return out.finish()
}

/** Rack, regular expression and the classic protocol's part are passed over: nobody here uses them. */
export function readMemberMetadata(from: MessageReader): MemberMetadata {
  const instanceId = from.compactString()
  from.compactString()
  const clientId = from.compactText()
  const clientHost = from.compactText()
  const topics = from.array(() => from.compactText())
  from.compactString()
  const rebalanceTimeoutMs = from.int32()
  const assignor = from.compactString()
  from.tags()
  return { instanceId, clientId, clientHost, topics, rebalanceTimeoutMs, assignor }
}

export function encodeTargetEpoch({ assignmentEpoch }: TargetEpoch): Buffer {
  const out = begin()
  out.int32(assignmentEpoch)
  out.noTags()
  return out.finish()
}

export function readTargetEpoch(from: MessageReader): TargetEpoch {
  const assignmentEpoch = from.int32()
  from.tags()
  return { assignmentEpoch }
}

export function encodeTarget(target: Assignment): Buffer {
  const out = begin()
  writeAssignment(out, target)
  out.noTags()
  return out.finish()
}

export function readTarget(from: MessageReader): Assignment {
  const target = readAssignment(from)
  from.tags()
  return target
}

export function encodeCurrent(current: MemberAssignment): Buffer {
  const out = begin()
  out.int32(current.epoch)
  out.int32(current.previousEpoch)
  out.int8(memberStates.indexOf(current.state))
  writeHoldings(out, current.assigned)
  writeHoldings(out, current.revoking)
  out.noTags()
  return out.finish()
}

export function readCurrent(from: MessageReader): MemberAssignment {
  const epoch = from.int32()
  const previousEpoch = from.int32()
  const state = memberStates[from.int8()]
  if (state === undefined) from.failed = true
  const assigned = readHoldings(from, epoch)
  const revoking = readHoldings(from, epoch)
  from.tags()
  return { epoch, previousEpoch, state: state ?? 'stable', assigned, revoking }
}

function begin(): MessageWriter {
  const out = new MessageWriter()
  out.int16(VERSION)
  return out
}

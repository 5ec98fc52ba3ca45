import type { GroupRecord } from '../membership/group-record.ts'
import { decodeGroupRecordKey, encodeGroupRecordKey, type GroupRecordKey } from './group-record-key.ts'
import {
  encodeCurrent,
  encodeGroupEpoch,
  encodeMemberMetadata,
  encodeTarget,
  encodeTargetEpoch,
  readCurrent,
  readGroupEpoch,
  readMemberMetadata,
  readTarget,
  readTargetEpoch,
} from './group-record-values.ts'
import { MessageReader } from './message-reader.ts'

export interface EncodedGroupRecord {
  readonly key: Buffer
  /** null = a tombstone. */
  readonly value: Buffer | null
}

export function encodeGroupRecord(group: string, record: GroupRecord): EncodedGroupRecord {
  return { key: encodeGroupRecordKey(group, record), value: encodeValue(record) }
}

/** `other`: a record of another kind, as committed offsets are; `malformed`: it fits no layout known. */
export function decodeGroupRecord(
  key: Buffer,
  value: Buffer | null,
): { readonly group: string; readonly record: GroupRecord } | 'other' | 'malformed' {
  const decoded = decodeGroupRecordKey(key)
  if (typeof decoded === 'string') return decoded
  const record = value === null ? tombstone(decoded) : decodeValue(decoded, value)
  return record === undefined ? 'malformed' : { group: decoded.group, record }
}

function encodeValue(record: GroupRecord): Buffer | null {
  if (record.value === null) return null
  switch (record.kind) {
    case 'group':
      return encodeGroupEpoch(record.value)
    case 'member':
      return encodeMemberMetadata(record.value)
    case 'target-epoch':
      return encodeTargetEpoch(record.value)
    case 'target':
      return encodeTarget(record.value)
    default:
      return encodeCurrent(record.value)
  }
}

function decodeValue(key: GroupRecordKey, bytes: Buffer): GroupRecord | undefined {
  const from = new MessageReader(bytes)
  if (from.int16() !== 0) return undefined
  const record = readRecord(key, from)
  return from.complete ? record : undefined
}

function readRecord({ kind, memberId }: GroupRecordKey, from: MessageReader): GroupRecord {
  switch (kind) {
    case 'group':
      return { kind, value: readGroupEpoch(from) }
    case 'member':
      return { kind, memberId, value: readMemberMetadata(from) }
    case 'target-epoch':
      return { kind, value: readTargetEpoch(from) }
    case 'target':
      return { kind, memberId, value: readTarget(from) }
    default:
      return { kind, memberId, value: readCurrent(from) }
  }
}

function tombstone({ kind, memberId }: GroupRecordKey): GroupRecord {
  return kind === 'group' || kind === 'target-epoch' ? { kind, value: null } : { kind, memberId, value: null }
}

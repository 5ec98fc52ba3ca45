import type { GroupRecord } from '../membership/group-record.ts'
import { MessageReader } from './message-reader.ts'
import { MessageWriter } from './message-writer.ts'

/*
 * The keys of a group's records in `__consumer_offsets`: Kafka's coordinator key types. Big-endian.
 *
 *   0   int16   type: 3 group, 5 member, 6 target epoch, 7 target of a member, 8 current assignment of a member
 *   2   int16   length of group id, then its UTF-8
 *   …   int16   length of member id, then its UTF-8: types 5, 7, 8 only
 */
const types = { group: 3, member: 5, 'target-epoch': 6, target: 7, current: 8 } as const

export type GroupRecordKind = GroupRecord['kind']

export interface GroupRecordKey {
  readonly kind: GroupRecordKind
  readonly group: string
  /** Empty where the record is of the whole group. */
  readonly memberId: string
}

export function encodeGroupRecordKey(group: string, record: GroupRecord): Buffer {
  const out = new MessageWriter()
  out.int16(types[record.kind])
  out.string(group)
  if ('memberId' in record) out.string(record.memberId)
  return out.finish()
}

/** `other`: a key of another type, as committed offsets have; `malformed` fits no layout. */
export function decodeGroupRecordKey(bytes: Buffer): GroupRecordKey | 'other' | 'malformed' {
  const from = new MessageReader(bytes)
  const type = from.int16()
  if (from.failed) return 'malformed'
  const kind = kindOf(type)
  if (kind === undefined) return 'other'
  const group = from.string()
  const memberId = kind === 'group' || kind === 'target-epoch' ? '' : from.string()
  return from.complete ? { kind, group, memberId } : 'malformed'
}

function kindOf(type: number): GroupRecordKind | undefined {
  switch (type) {
    case types.group:
      return 'group'
    case types.member:
      return 'member'
    case types['target-epoch']:
      return 'target-epoch'
    case types.target:
      return 'target'
    case types.current:
      return 'current'
    default:
      return undefined
  }
}

import { BrokerError } from '../../broker/broker-error.ts'
import type { MemberIdentity } from '../../broker/group-membership.ts'

export function unknownMember({ group, memberId }: Pick<MemberIdentity, 'group' | 'memberId'>): BrokerError {
  return new BrokerError(
    'UNKNOWN_MEMBER_ID',
    `The group "${group}" has no member "${memberId}" (any more): its session ended, or it left. Join again.`,
  )
}

export function fencedEpoch({ group, memberId, memberEpoch }: MemberIdentity): BrokerError {
  return new BrokerError(
    'FENCED_MEMBER_EPOCH',
    `The member "${memberId}" of the group "${group}" has moved on from epoch ${memberEpoch} by more than one: join again.`,
  )
}

export function fencedInstance({ group, instanceId }: MemberIdentity): BrokerError {
  return new BrokerError(
    'FENCED_INSTANCE_ID',
    `Another process has joined the group "${group}" with the instance id "${instanceId}": end this one.`,
  )
}

export function instanceInUse(instanceId: string, memberId: string): BrokerError {
  return new BrokerError(
    'UNRELEASED_INSTANCE_ID',
    `The instance id "${instanceId}" is of another member than "${memberId}", which is there too: let one of them leave.`,
  )
}

/** A member over HTTP would turn the group into one of the newer protocol, or find it refuse that: neither was asked for. */
export function groupOfClassicMembers(group: string): BrokerError {
  return new BrokerError(
    'INCONSISTENT_GROUP_PROTOCOL',
    `The group "${group}" has members of Kafka's classic protocol: let them leave, or set group.protocol=consumer for them, or join another group.`,
  )
}

/** What Kafka says of a member, in our words; anything else as it is. */
export function membershipError(error: unknown, identity: MemberIdentity): unknown {
  if (!(error instanceof BrokerError)) return error
  if (error.code === 'UNKNOWN_MEMBER_ID' || error.code === 'GROUP_ID_NOT_FOUND') return unknownMember(identity)
  if (error.code === 'FENCED_MEMBER_EPOCH' || error.code === 'STALE_MEMBER_EPOCH') return fencedEpoch(identity)
  return error.code === 'FENCED_INSTANCE_ID' ? fencedInstance(identity) : error
}

/** The membership is over: only another join helps. */
export function endsMembership(error: unknown): boolean {
  if (!(error instanceof BrokerError)) return false
  return ['UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH', 'FENCED_INSTANCE_ID'].includes(error.code)
}

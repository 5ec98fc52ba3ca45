import { BrokerError } from '../../../broker/broker-error.ts'
import type { MemberIdentity } from '../../../broker/group-membership.ts'
import { type GroupState, LEFT_STATIC_MEMBER_EPOCH, type Member } from './group-state.ts'

type Gone = Pick<MemberIdentity, 'group' | 'memberId'>

type Members = Pick<GroupState, 'members'> & { memberOfInstance(instanceId: string): Member | undefined }

/**
 * The member that calls, if it still is one: its epoch is neither beyond the present one nor that of a membership which a
 * later join or leave has ended.
 */
export function callingMember(group: Members, identity: MemberIdentity): Member {
  const member = group.members.get(identity.memberId)
  if (member === undefined) throw goneMember(group, identity, identity.instanceId)
  if (identity.memberEpoch > member.current.epoch) throw fencedEpoch(identity, member)
  return member
}

/** The same, and its epoch is the present or the previous one: as a fetch and a heartbeat need. */
export function currentMember(group: Members, identity: MemberIdentity): Member {
  const member = callingMember(group, identity)
  if (identity.memberEpoch < member.current.previousEpoch) throw fencedEpoch(identity, member)
  return member
}

/** A member that is not there, maybe because another one has its instance id: it is not to join again and again. */
export function goneMember(
  group: Pick<Members, 'memberOfInstance'>,
  identity: Gone,
  instanceId: string | undefined,
): BrokerError {
  const successor = instanceId === undefined ? undefined : group.memberOfInstance(instanceId)
  return successor === undefined ? unknownMember(identity) : fencedInstance(identity, instanceId, successor)
}

export function unknownMember({ group, memberId }: Gone): BrokerError {
  return new BrokerError(
    'UNKNOWN_MEMBER_ID',
    `Group "${group}" has no member "${memberId}": it left, or its session or its time to let partitions go ran out. ` +
      `Join again: PUT /consumer-groups/${group}/members/${memberId}.`,
  )
}

function fencedInstance({ group, memberId }: Gone, instanceId: string | undefined, successor: Member): BrokerError {
  return new BrokerError(
    'FENCED_INSTANCE_ID',
    `Member "${successor.memberId}" took over the instance id "${instanceId}" from "${memberId}" in group "${group}". ` +
      'Two consumers use the same instanceId: stop this one.',
  )
}

function fencedEpoch({ group, memberId, memberEpoch }: MemberIdentity, { current }: Member): BrokerError {
  const present = current.epoch === LEFT_STATIC_MEMBER_EPOCH ? 'the member has left' : `it is ${current.epoch} now`
  return new BrokerError(
    'FENCED_MEMBER_EPOCH',
    `The epoch ${memberEpoch} of member "${memberId}" is not valid any more: ${present}. ` +
      `Use the newest cursor, or join again: PUT /consumer-groups/${group}/members/${memberId}.`,
  )
}

import type { MemberIdentity } from '../../broker/group-membership.ts'
import type { ConsumerGroup, ConsumerGroupMember } from './group-requests.ts'
import { fencedEpoch, fencedInstance, unknownMember } from './member-errors.ts'

/** The epoch of a static member that left and may come back: its partitions wait for it. */
export const LEFT_FOR_A_WHILE = -2

/** Throws what ended the membership where it is over. */
export function memberIn(group: ConsumerGroup | undefined, identity: MemberIdentity): ConsumerGroupMember {
  const { instanceId, memberId } = identity
  const members = group?.members ?? []
  const found = members.find((member) => member.memberId === memberId)
  if (found?.memberEpoch === LEFT_FOR_A_WHILE) throw fencedEpoch(identity)
  if (found !== undefined) return found
  if (instanceId !== undefined && members.some((member) => member.instanceId === instanceId))
    throw fencedInstance(identity)
  throw unknownMember(identity)
}

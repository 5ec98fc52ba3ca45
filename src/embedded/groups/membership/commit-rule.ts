import { sinceEpochOf } from './holdings.ts'
import type { MemberAssignment } from './group-state.ts'

/**
 * Whether a commit that carries this epoch counts for a partition (KIP-1251): the member owns it, also while it is to let
 * it go, and has owned it without a break since that epoch.
 */
export function mayCommit(current: MemberAssignment, epoch: number, topicId: string, partition: number): boolean {
  const sinceEpoch =
    sinceEpochOf(current.assigned, topicId, partition) ?? sinceEpochOf(current.revoking, topicId, partition)
  return sinceEpoch !== undefined && sinceEpoch <= epoch && epoch <= current.epoch
}

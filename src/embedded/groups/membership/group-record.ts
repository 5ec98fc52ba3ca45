import type { Assignment } from './holdings.ts'
import type { MemberAssignment, MemberMetadata } from './group-state.ts'

/**
 * One record of a group: Kafka's kinds (their coordinator key types in brackets), each replacing the one before with the
 * same key. A null value is a tombstone.
 */
export type GroupRecord =
  /** ConsumerGroupMetadata (3) */
  | { readonly kind: 'group'; readonly value: GroupEpoch | null }
  /** ConsumerGroupMemberMetadata (5) */
  | { readonly kind: 'member'; readonly memberId: string; readonly value: MemberMetadata | null }
  /** ConsumerGroupTargetAssignmentMetadata (6) */
  | { readonly kind: 'target-epoch'; readonly value: TargetEpoch | null }
  /** ConsumerGroupTargetAssignmentMember (7) */
  | { readonly kind: 'target'; readonly memberId: string; readonly value: Assignment | null }
  /** ConsumerGroupCurrentMemberAssignment (8) */
  | { readonly kind: 'current'; readonly memberId: string; readonly value: MemberAssignment | null }

export interface GroupEpoch {
  readonly epoch: number
  readonly metadataHash: number
}

export interface TargetEpoch {
  readonly assignmentEpoch: number
}

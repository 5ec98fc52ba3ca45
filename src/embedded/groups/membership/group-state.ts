import type { GroupStateName } from '../../../broker/group-membership.ts'
import { type Assignment, type Holdings, NO_PARTITIONS } from './holdings.ts'

/** A static member that left and may come back within its session has this epoch, as in Kafka. */
export const LEFT_STATIC_MEMBER_EPOCH = -2

/**
 * How far a member has followed the target assignment.
 * `unrevoked`: it was told to let partitions go, and keeps its epoch until it has. `unreleased`: it is at the target's
 * epoch, but others still own some of what is to be its own.
 */
export type MemberState = 'stable' | 'unrevoked' | 'unreleased'

/** What a member asked for when it joined. */
export interface MemberMetadata {
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** Sorted, each once. */
  readonly topics: readonly string[]
  readonly rebalanceTimeoutMs: number
  readonly assignor: string | null
}

/** What a member owns. A partition is in one of the two holdings of one member, or free. */
export interface MemberAssignment {
  readonly epoch: number
  /** The lowest epoch that its calls may carry: the one it had shown when it was last moved on. */
  readonly previousEpoch: number
  readonly state: MemberState
  /** What it may read and commit. */
  readonly assigned: Holdings
  /** What it may commit and is to let go of. */
  readonly revoking: Holdings
}

export interface Member {
  readonly memberId: string
  readonly metadata: MemberMetadata
  readonly current: MemberAssignment
}

/**
 * All of a group that outlives a restart. Never changed: a change makes another one, which shares what stayed.
 * `instances` and `owners` follow from the members.
 */
export interface GroupState {
  /** 0 = the group never had a member. */
  readonly groupEpoch: number
  /** Of the subscribed topics, their ids and partition counts, when the group epoch was last raised. */
  readonly metadataHash: number
  /** The group epoch for which `targets` were made. */
  readonly assignmentEpoch: number
  readonly members: ReadonlyMap<string, Member>
  /** What each member is to own; a member that is to own nothing is not in here. */
  readonly targets: ReadonlyMap<string, Assignment>
  /** Member ids by instance id. */
  readonly instances: ReadonlyMap<string, string>
  /** By topic id, at the partition's number, who has it assigned or still to let go. */
  readonly owners: ReadonlyMap<string, readonly (string | undefined)[]>
}

export const NEW_GROUP: GroupState = {
  groupEpoch: 0,
  metadataHash: 0,
  assignmentEpoch: 0,
  members: new Map(),
  targets: new Map(),
  instances: new Map(),
  owners: new Map(),
}

export function targetOf(state: Pick<GroupState, 'targets'>, memberId: string): Assignment {
  return state.targets.get(memberId) ?? NO_PARTITIONS
}

/** Kafka's name for how the group is; `Dead`, of a group that was deleted, is no state of this object. */
export function stateNameOf({ members, groupEpoch, assignmentEpoch }: GroupState): GroupStateName {
  if (members.size === 0) return 'Empty'
  if (groupEpoch > assignmentEpoch) return 'Assigning'
  for (const { current } of members.values()) {
    if (current.state !== 'stable' || current.epoch !== assignmentEpoch) return 'Reconciling'
  }
  return 'Stable'
}

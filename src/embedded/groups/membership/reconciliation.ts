import { type Assignment, eachHolding, filterHoldings, HoldingsBuilder, NO_HOLDINGS } from './holdings.ts'
import { LEFT_STATIC_MEMBER_EPOCH, type MemberAssignment } from './group-state.ts'

/** Of a member that has yet to be given anything; no call that it makes before counts. */
export const NOTHING_OWNED: MemberAssignment = {
  epoch: -1,
  previousEpoch: -1,
  state: 'stable',
  assigned: NO_HOLDINGS,
  revoking: NO_HOLDINGS,
}

export interface ReconciliationContext {
  readonly target: Assignment
  readonly targetEpoch: number
  /** The epoch that the member's call carried. */
  readonly shownEpoch: number
  readonly isFree: (topicId: string, partition: number) => boolean
  /** False for a topic that was deleted: nobody waits for its partitions. */
  readonly topicExists: (topicId: string) => boolean
}

/**
 * Moves a member as far towards the target as it can go; gives the same object where it stays as it is.
 *
 * First it has to let go of what is not its own any more; meanwhile it keeps its epoch, and gets nothing. Then it is at
 * the target's epoch, and owns what is free of its target. What it lets go of at one epoch it can own again only at a
 * later one: hence a partition's epoch tells whether it was owned without a break.
 */
export function reconcile(current: MemberAssignment, context: ReconciliationContext): MemberAssignment {
  const { targetEpoch, topicExists } = context
  if (current.epoch === LEFT_STATIC_MEMBER_EPOCH) return current
  if (current.state === 'stable' && current.epoch === targetEpoch) return current
  if (current.state !== 'unrevoked') return next(current, current.epoch, context)
  const revoking = filterHoldings(current.revoking, topicExists)
  if (revoking.size === 0) return next(current, Math.min(current.epoch + 1, targetEpoch), context)
  return revoking === current.revoking ? current : { ...current, revoking }
}

/** The assignment of a member that joins and owns nothing: all it gets counts as acquired now. */
export function joined(context: Omit<ReconciliationContext, 'shownEpoch'>): MemberAssignment {
  return next(NOTHING_OWNED, context.targetEpoch, { ...context, shownEpoch: context.targetEpoch })
}

/**
 * Whether a member that called now would own more, or have to let something go. An epoch alone is no news. Where
 * `reconcile` would leave it as it is there never is any, or who waits for news would call again and again.
 */
export function hasNews(current: MemberAssignment, context: Omit<ReconciliationContext, 'shownEpoch'>): boolean {
  const { target } = context
  if (current.epoch === LEFT_STATIC_MEMBER_EPOCH) return false
  if (current.state === 'stable' && current.epoch === context.targetEpoch) return false
  if (current.state === 'unrevoked') {
    return [...current.revoking.keys()].every((topicId) => !context.topicExists(topicId))
  }
  for (const [topicId, partition] of eachHolding(current.assigned)) {
    if (!hasPartition(target, topicId, partition)) return true
  }
  for (const [topicId, partitions] of target) {
    if (!context.topicExists(topicId)) continue
    const owned = current.assigned.get(topicId)
    if (partitions.some((partition) => owned?.has(partition) !== true && context.isFree(topicId, partition)))
      return true
  }
  return false
}

function next(current: MemberAssignment, epoch: number, context: ReconciliationContext): MemberAssignment {
  const { target, targetEpoch } = context
  const kept = new HoldingsBuilder()
  const lost = new HoldingsBuilder()
  for (const [topicId, partition, sinceEpoch] of eachHolding(current.assigned)) {
    if (!context.topicExists(topicId)) continue
    const stays = hasPartition(target, topicId, partition)
    ;(stays ? kept : lost).add(topicId, partition, sinceEpoch)
  }
  if (!lost.isEmpty) {
    const assigned = kept.build()
    return at(epoch, { state: 'unrevoked', assigned, revoking: lost.build() }, current, context)
  }
  let waiting = false
  for (const [topicId, partitions] of target) {
    if (!context.topicExists(topicId)) continue
    const owned = current.assigned.get(topicId)
    for (const partition of partitions) {
      if (owned?.has(partition) === true) continue
      if (context.isFree(topicId, partition)) kept.add(topicId, partition, targetEpoch)
      else waiting = true
    }
  }
  const state = waiting ? 'unreleased' : 'stable'
  return at(targetEpoch, { state, assigned: kept.build(), revoking: NO_HOLDINGS }, current, context)
}

function at(
  epoch: number,
  moved: Pick<MemberAssignment, 'state' | 'assigned' | 'revoking'>,
  { epoch: before, previousEpoch }: MemberAssignment,
  { shownEpoch }: ReconciliationContext,
): MemberAssignment {
  return { epoch, previousEpoch: epoch === before ? previousEpoch : shownEpoch, ...moved }
}

/** Targets are ascending. */
function hasPartition(assignment: Assignment, topicId: string, partition: number): boolean {
  const partitions = assignment.get(topicId)
  if (partitions === undefined) return false
  let low = 0
  let high = partitions.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (partitions[middle]! < partition) low = middle + 1
    else high = middle
  }
  return partitions[low] === partition
}

import type { Engine } from '../../src/broker/engine.ts'
import type {
  AssignedTopic,
  HeartbeatRequest,
  JoinAnswer,
  JoinRequest,
  MemberAnswer,
  MemberCommitAnswer,
} from '../../src/broker/group-membership.ts'

export const group = 'billing'

export function join(engine: Engine, memberId: string, more: Partial<JoinRequest> = {}): Promise<JoinAnswer> {
  return engine.membership.join({ group, memberId, topics: ['orders'], maxPollIntervalMs: 60_000, ...more })
}

export function beat(
  engine: Engine,
  memberId: string,
  memberEpoch: number,
  more: Partial<HeartbeatRequest> = {},
): Promise<MemberAnswer> {
  return engine.membership.heartbeat({ group, memberId, memberEpoch, ...more })
}

export const partitionsOf = (topics: readonly AssignedTopic[]): string[] =>
  topics.flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}-${partition}`))
export const ownedBy = ({ assignment }: MemberAnswer): string[] => partitionsOf(assignment)
export const outcomeOf = ({ nextOffset, errorCode }: MemberCommitAnswer) => [nextOffset, errorCode]

/** Resolves when the member has news: each is told by itself, with no call of the member, as to a fetch that waits. */
export async function news(engine: Engine, memberId: string, told: MemberAnswer): Promise<void> {
  const letGo = engine.membership.holdSession(group, memberId)
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const { memberEpoch, assignment: held, revoking: announced } = told
  const stop = engine.membership.onNews({ group, memberId, memberEpoch, held, announced }, () => resolve(undefined))
  await promise
  stop()
  letGo()
}

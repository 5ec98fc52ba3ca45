import type { GroupRecord } from './group-record.ts'
import { type GroupState, type Member, type MemberAssignment, type MemberMetadata } from './group-state.ts'
import { type Assignment, eachHolding, filterHoldings } from './holdings.ts'
import { ownersOf } from './owners.ts'
import { NOTHING_OWNED } from './reconciliation.ts'

/**
 * Makes a group's state of its records, in the order they stand in the log. Compaction may have taken away any record that
 * a later one replaces, so that parts of a member may come in any order.
 */
export class GroupReplay {
  #groupEpoch = 0
  #metadataHash = 0
  #assignmentEpoch = 0
  readonly #metadata = new Map<string, MemberMetadata>()
  readonly #targets = new Map<string, Assignment>()
  readonly #current = new Map<string, MemberAssignment>()

  play(record: GroupRecord): void {
    switch (record.kind) {
      case 'group':
        this.#groupEpoch = record.value?.epoch ?? 0
        this.#metadataHash = record.value?.metadataHash ?? 0
        break
      case 'target-epoch':
        this.#assignmentEpoch = record.value?.assignmentEpoch ?? 0
        break
      case 'member':
        put(this.#metadata, record.memberId, record.value)
        break
      case 'target':
        put(this.#targets, record.memberId, record.value)
        break
      case 'current':
        put(this.#current, record.memberId, record.value)
        break
    }
  }

  /**
   * Undefined if there is no group. Where damage took records, the rest is made whole: a member without an assignment
   * owns nothing and has to join again, one without metadata is none, epochs do not fall behind those of members.
   */
  finish(): GroupState | undefined {
    const members = new Map<string, Member>()
    for (const [memberId, metadata] of this.#metadata) {
      members.set(memberId, { memberId, metadata, current: this.#current.get(memberId) ?? NOTHING_OWNED })
    }
    const targets = new Map([...this.#targets].filter(([memberId, target]) => members.has(memberId) && target.size > 0))
    let epoch = Math.max(this.#groupEpoch, this.#assignmentEpoch)
    for (const { current } of members.values()) epoch = Math.max(epoch, current.epoch)
    if (epoch === 0 && members.size === 0) return undefined
    settleClaims(members)
    return {
      groupEpoch: epoch,
      metadataHash: this.#metadataHash,
      assignmentEpoch: this.#assignmentEpoch,
      members,
      targets,
      instances: instancesOf(members),
      owners: ownersOf(members.values()),
    }
  }
}

function put<Value>(map: Map<string, Value>, key: string, value: Value | null): void {
  if (value === null) map.delete(key)
  else map.set(key, value)
}

/** If damage left a partition with two members, it is the one's that acquired it later. */
function settleClaims(members: Map<string, Member>): void {
  const claims = new Map<string, { memberId: string; sinceEpoch: number }>()
  for (const { memberId, current } of members.values()) {
    for (const holdings of [current.assigned, current.revoking]) {
      for (const [topicId, partition, sinceEpoch] of eachHolding(holdings)) {
        const claim = claims.get(`${topicId}/${partition}`)
        if (claim !== undefined && claim.sinceEpoch >= sinceEpoch) continue
        claims.set(`${topicId}/${partition}`, { memberId, sinceEpoch })
      }
    }
  }
  for (const member of members.values()) {
    const wins = (topicId: string, partition: number): boolean =>
      claims.get(`${topicId}/${partition}`)?.memberId === member.memberId
    const assigned = filterHoldings(member.current.assigned, wins)
    const revoking = filterHoldings(member.current.revoking, wins)
    if (assigned === member.current.assigned && revoking === member.current.revoking) continue
    // What it lost may still be to be its own: it follows its target once more.
    const state = member.current.state === 'stable' ? 'unreleased' : member.current.state
    members.set(member.memberId, { ...member, current: { ...member.current, state, assigned, revoking } })
  }
}

function instancesOf(members: ReadonlyMap<string, Member>): Map<string, string> {
  const instances = new Map<string, string>()
  for (const { memberId, metadata } of members.values()) {
    if (metadata.instanceId !== null) instances.set(metadata.instanceId, memberId)
  }
  return instances
}

import { type Assignment, NO_PARTITIONS, sameAssignment, sameHoldings } from './holdings.ts'
import { type GroupState, type Member, type MemberAssignment, type MemberMetadata, targetOf } from './group-state.ts'
import type { GroupRecord } from './group-record.ts'
import { OwnersDraft } from './owners.ts'

/**
 * A group's next state in the making. What it was made from stays as it is, so that readers see the old state until the
 * new one is durable, and a write that fails leaves nothing behind. Knows what it changed, as records.
 */
export class GroupDraft {
  readonly #base: GroupState
  readonly #owners: OwnersDraft
  /** Copied from the base when first changed. */
  #members: Map<string, Member> | undefined
  #targets: Map<string, Assignment> | undefined
  #instances: Map<string, string> | undefined
  readonly #touched = new Set<string>()
  #groupEpoch: number
  #metadataHash: number
  #assignmentEpoch: number

  constructor(base: GroupState) {
    this.#base = base
    this.#owners = new OwnersDraft(base.owners)
    this.#groupEpoch = base.groupEpoch
    this.#metadataHash = base.metadataHash
    this.#assignmentEpoch = base.assignmentEpoch
  }

  get groupEpoch(): number {
    return this.#groupEpoch
  }

  get metadataHash(): number {
    return this.#metadataHash
  }

  get assignmentEpoch(): number {
    return this.#assignmentEpoch
  }

  get members(): ReadonlyMap<string, Member> {
    return this.#members ?? this.#base.members
  }

  get targets(): ReadonlyMap<string, Assignment> {
    return this.#targets ?? this.#base.targets
  }

  /** Members that were made, changed or removed. */
  get touched(): ReadonlySet<string> {
    return this.#touched
  }

  memberOfInstance(instanceId: string): Member | undefined {
    const memberId = (this.#instances ?? this.#base.instances).get(instanceId)
    return memberId === undefined ? undefined : this.members.get(memberId)
  }

  ownerOf(topicId: string, partition: number): string | undefined {
    return this.#owners.ownerOf(topicId, partition)
  }

  /** @param firstEpoch for a group that never had one */
  raiseGroupEpoch(metadataHash: number, firstEpoch: number): void {
    this.#groupEpoch = this.#groupEpoch === 0 ? firstEpoch : this.#groupEpoch + 1
    this.#metadataHash = metadataHash
  }

  /** Makes the member, or replaces what it asked for; what it owns and is to own stays. */
  putMetadata(memberId: string, metadata: MemberMetadata, current: MemberAssignment): void {
    const before = this.members.get(memberId)
    this.#forgetInstance(before)
    if (metadata.instanceId !== null) this.#changeInstances().set(metadata.instanceId, memberId)
    this.#put({ memberId, metadata, current: before?.current ?? current })
    this.putCurrent(memberId, current)
  }

  /** The member must be there. */
  putCurrent(memberId: string, current: MemberAssignment): void {
    const before = this.members.get(memberId)!
    if (before.current !== current) {
      this.#owners.release(memberId, before.current.assigned)
      this.#owners.release(memberId, before.current.revoking)
    }
    this.#owners.take(memberId, current.assigned)
    this.#owners.take(memberId, current.revoking)
    this.#put({ ...before, current })
  }

  /** Its partitions are free when this returns. */
  remove(memberId: string): void {
    const before = this.members.get(memberId)
    if (before === undefined) return
    this.#owners.release(memberId, before.current.assigned)
    this.#owners.release(memberId, before.current.revoking)
    this.#forgetInstance(before)
    this.#changeMembers().delete(memberId)
    this.#touched.add(memberId)
    if (this.targets.has(memberId)) this.#changeTargets().delete(memberId)
  }

  putTarget(memberId: string, target: Assignment): void {
    if (sameAssignment(targetOf(this, memberId), target)) return
    this.#touched.add(memberId)
    if (target.size === 0) this.#changeTargets().delete(memberId)
    else this.#changeTargets().set(memberId, target)
  }

  /** Says that the targets are those of the present group epoch. */
  settleTargets(): void {
    this.#assignmentEpoch = this.#groupEpoch
  }

  /** The base itself if nothing changed. */
  build(): GroupState {
    const epochsStay =
      this.#groupEpoch === this.#base.groupEpoch && this.#assignmentEpoch === this.#base.assignmentEpoch
    if (epochsStay && this.#touched.size === 0) return this.#base
    return {
      groupEpoch: this.#groupEpoch,
      metadataHash: this.#metadataHash,
      assignmentEpoch: this.#assignmentEpoch,
      members: this.members,
      targets: this.targets,
      instances: this.#instances ?? this.#base.instances,
      owners: this.#owners.build(),
    }
  }

  /**
   * What changed, in an order that Kafka's own replay takes: a member's tombstones from the inside out, and partitions let
   * go of before they are owned again.
   */
  records(): GroupRecord[] {
    const records: GroupRecord[] = []
    const touched = [...this.#touched]
    const base = this.#base
    if (this.#groupEpoch !== base.groupEpoch) {
      records.push({ kind: 'group', value: { epoch: this.#groupEpoch, metadataHash: this.#metadataHash } })
    }
    for (const memberId of touched) {
      if (base.members.has(memberId) && !this.members.has(memberId)) records.push(...tombstones(memberId, base))
    }
    const present = touched.filter((memberId) => this.members.has(memberId))
    for (const memberId of present) records.push(...this.#metadataRecords(memberId))
    for (const memberId of present) records.push(...this.#targetRecords(memberId))
    if (this.#assignmentEpoch !== base.assignmentEpoch) {
      records.push({ kind: 'target-epoch', value: { assignmentEpoch: this.#assignmentEpoch } })
    }
    for (const memberId of present) records.push(...this.#currentRecords(memberId))
    return records
  }

  #metadataRecords(memberId: string): GroupRecord[] {
    const { metadata } = this.members.get(memberId)!
    if (metadata === this.#base.members.get(memberId)?.metadata) return []
    return [{ kind: 'member', memberId, value: metadata }]
  }

  #targetRecords(memberId: string): GroupRecord[] {
    const before = targetOf(this.#base, memberId)
    const target = targetOf(this, memberId)
    if (sameAssignment(before, target)) return []
    return [{ kind: 'target', memberId, value: target === NO_PARTITIONS ? null : target }]
  }

  #currentRecords(memberId: string): GroupRecord[] {
    const before = this.#base.members.get(memberId)?.current
    const { current } = this.members.get(memberId)!
    if (before !== undefined && sameCurrent(before, current)) return []
    return [{ kind: 'current', memberId, value: current }]
  }

  #put(member: Member): void {
    const before = this.members.get(member.memberId)
    if (before !== undefined && before.metadata === member.metadata && sameCurrent(before.current, member.current))
      return
    this.#changeMembers().set(member.memberId, member)
    this.#touched.add(member.memberId)
  }

  #forgetInstance(member: Member | undefined): void {
    const instanceId = member?.metadata.instanceId ?? null
    if (instanceId !== null) this.#changeInstances().delete(instanceId)
  }

  #changeMembers(): Map<string, Member> {
    return (this.#members ??= new Map(this.#base.members))
  }

  #changeTargets(): Map<string, Assignment> {
    return (this.#targets ??= new Map(this.#base.targets))
  }

  #changeInstances(): Map<string, string> {
    return (this.#instances ??= new Map(this.#base.instances))
  }
}

function tombstones(memberId: string, base: GroupState): GroupRecord[] {
  const target: GroupRecord[] = base.targets.has(memberId) ? [{ kind: 'target', memberId, value: null }] : []
  return [{ kind: 'current', memberId, value: null }, ...target, { kind: 'member', memberId, value: null }]
}

function sameCurrent(a: MemberAssignment, b: MemberAssignment): boolean {
  return (
    a === b ||
    (a.epoch === b.epoch &&
      a.previousEpoch === b.previousEpoch &&
      a.state === b.state &&
      sameHoldings(a.assigned, b.assigned) &&
      sameHoldings(a.revoking, b.revoking))
  )
}

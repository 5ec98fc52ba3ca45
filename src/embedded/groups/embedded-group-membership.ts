import type {
  GroupMembership,
  HeartbeatRequest,
  JoinAnswer,
  JoinRequest,
  LeaveRequest,
  MemberAnswer,
  MemberCommitAnswer,
  MemberCommitRequest,
  MemberIdentity,
  MembershipDescription,
} from '../../broker/group-membership.ts'
import type { CoordinatorAvailability } from './coordinator-availability.ts'
import type { GroupLedger } from './group-ledger.ts'
import type { ConsumerGroup } from './membership/consumer-group.ts'
import { unknownMember } from './membership/member-fencing.ts'
import type { OffsetStaging } from './offset-staging.ts'

/** See `GroupMembership`: members kept in the ledger. */
export class EmbeddedGroupMembership implements GroupMembership {
  readonly #ledger: GroupLedger
  readonly #staging: OffsetStaging
  readonly #availability: CoordinatorAvailability

  constructor(ledger: GroupLedger, staging: OffsetStaging, availability: CoordinatorAvailability) {
    this.#ledger = ledger
    this.#staging = staging
    this.#availability = availability
  }

  async join(request: JoinRequest): Promise<JoinAnswer> {
    this.#availability.check(request.group)
    return this.#ledger.submit(request.group, ({ members }) => {
      members.join(request)
      return () => members.joinAnswer(request.memberId, request.instanceId)
    })
  }

  async heartbeat(request: HeartbeatRequest): Promise<MemberAnswer> {
    this.#availability.check(request.group)
    return this.#ledger.submit(request.group, ({ members }) => {
      members.heartbeat(request)
      return () => members.answer(request.memberId, request.instanceId)
    })
  }

  async leave(request: LeaveRequest): Promise<void> {
    this.#availability.check(request.group)
    return this.#ledger.submit(request.group, ({ members }) => {
      members.leave(request)
      return () => undefined
    })
  }

  async commit(request: MemberCommitRequest): Promise<readonly MemberCommitAnswer[]> {
    this.#availability.check(request.group)
    const { offsets } = request
    // Nothing is let go of whose last offset cannot be stored.
    const released = offsets.some((offset) => this.#staging.isMetadataTooLarge(offset)) ? [] : request.released
    return this.#ledger.submit(request.group, (step) => {
      const owned = step.members.commit({ ...request, released }, offsets)
      const answers = offsets.map((offset, index) =>
        this.#staging.stageOfMember(step.offsets, offset, owned[index] === true),
      )
      return () => answers
    })
  }

  standing(identity: MemberIdentity): MemberAnswer {
    return this.#found(identity).standing(identity)
  }

  onNews({ group, memberId }: MemberIdentity, listener: () => void): () => void {
    return this.#ledger.onNews(group, memberId, listener)
  }

  holdSession(group: string, memberId: string): () => void {
    return this.#ledger.holdSession(group, memberId)
  }

  async describe(group: string): Promise<MembershipDescription | undefined> {
    this.#availability.check(group)
    return this.#ledger.membership(group)?.describe()
  }

  #found(identity: MemberIdentity): ConsumerGroup {
    this.#availability.check(identity.group)
    const found = this.#ledger.membership(identity.group)
    if (found === undefined) throw unknownMember(identity)
    return found
  }
}

import { BrokerError } from '../../broker/broker-error.ts'
import type { EncodedBatch } from '../../broker/append-request.ts'
import type { ConsumerGroup } from './membership/consumer-group.ts'
import type { GroupRecord } from './membership/group-record.ts'
import type { MembershipChange } from './membership/membership-change.ts'
import { encodeOffsetWrites } from './offset-batches.ts'
import { encodeGroupRecords } from './records/group-record-batches.ts'
import type { StagedOffsets } from './staged-offsets.ts'

/** What is changed of one group at once: its members and its offsets, in one append or not at all. */
export class GroupStep {
  readonly group: string
  readonly offsets: StagedOffsets
  /** How many changes of topics had been seen when it was decided. */
  readonly topicChanges: number
  readonly #make: () => ConsumerGroup
  #consumerGroup: ConsumerGroup | undefined
  #change: MembershipChange | undefined
  #tombstones: readonly GroupRecord[] | undefined

  /**
   * @param known the group's membership, if it ever had members
   * @param make makes the membership of a group that has none yet
   */
  constructor(
    offsets: StagedOffsets,
    known: ConsumerGroup | undefined,
    make: () => ConsumerGroup,
    topicChanges: number,
  ) {
    this.group = offsets.group
    this.offsets = offsets
    this.topicChanges = topicChanges
    this.#consumerGroup = known
    this.#make = make
  }

  /** Undefined while nothing asked for the membership of a group that has none. */
  get consumerGroup(): ConsumerGroup | undefined {
    return this.#consumerGroup
  }

  /** Undefined while the step is not about members. */
  get change(): MembershipChange | undefined {
    return this.#change
  }

  /** The step's change of the membership, begun when it is first asked for. */
  get members(): MembershipChange {
    this.#consumerGroup ??= this.#make()
    return (this.#change ??= this.#consumerGroup.begin())
  }

  get deletesMembership(): boolean {
    return this.#tombstones !== undefined
  }

  /** For what may only be done to a group without members. */
  checkNoMembers(what: string): void {
    const count = this.#change?.memberCount ?? this.#consumerGroup?.state.members.size ?? 0
    if (count === 0) return
    throw new BrokerError(
      'NON_EMPTY_GROUP',
      `Group "${this.group}" has ${count} ${count === 1 ? 'member' : 'members'}: ${what}.`,
    )
  }

  /** Ends the membership; only in a step that changes no members, of a group that has none. */
  deleteMembership(): void {
    this.#tombstones = this.#consumerGroup?.deletion() ?? []
  }

  /** Decides the rest; then the batches to be written, in order. */
  settle(timestamp: number): EncodedBatch[] {
    this.#change?.settle()
    const records = this.#tombstones ?? this.#change?.records() ?? []
    const { writes } = this.offsets
    return [
      ...encodeGroupRecords(this.group, records, timestamp),
      ...(writes.length === 0 ? [] : encodeOffsetWrites(this.group, writes, timestamp)),
    ]
  }
}

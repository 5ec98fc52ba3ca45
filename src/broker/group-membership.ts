/** Kafka's `max.poll.interval.ms`. */
export const DEFAULT_MAX_POLL_INTERVAL_MS = 300_000

/**
 * Members of consumer groups: KIP-848's protocol, one call at a time, so that any node can serve any member. The server
 * assigns; a member is told what it may read, and what to let go of.
 *
 * All promises resolve when what they tell is durable; a member that was told of a partition still owns it after a crash.
 * All methods may reject with COORDINATOR_LOAD_IN_PROGRESS and COORDINATOR_NOT_AVAILABLE. A member that is gone is
 * UNKNOWN_MEMBER_ID, one whose epoch is not the present or the previous one FENCED_MEMBER_EPOCH, one whose instance id
 * another member took over FENCED_INSTANCE_ID: all three have lost their partitions and join again.
 */
export interface GroupMembership {
  /**
   * Makes a member, or lets one join again with another subscription; a group begins with its first member. Every join
   * raises the member's epoch and ends all that was handed out before it: positions and commits of older epochs no longer
   * count. What the member (or the member whose instance id it takes over) owned stays with it, as far as it is still to.
   *
   * Rejects with UNSUPPORTED_ASSIGNOR, GROUP_MAX_SIZE_REACHED, and UNRELEASED_INSTANCE_ID (a member that exists asks for
   * the instance id of another).
   */
  join(request: JoinRequest): Promise<JoinAnswer>
  /** Keeps a member alive, lets partitions go, and tells how its assignment stands. A fetch begins with one. */
  heartbeat(request: HeartbeatRequest): Promise<MemberAnswer>
  /**
   * Resolves also where there is no such member. A dynamic member's partitions are free at once; a static member's stay
   * with its instance id until its session ends, unless `permanent`.
   */
  leave(request: LeaveRequest): Promise<void>
  /**
   * Stores the offsets of partitions that the member has owned without a break since `memberEpoch` (KIP-1251), never
   * moving one back, and lets go of the partitions `released`: both or neither. Keeps the member alive as a heartbeat
   * does, also with an older epoch as long as that is of the same membership, but does not move its assignment.
   * Offsets that may not be stored come back with STALE_MEMBER_EPOCH; the others are stored.
   */
  commit(request: MemberCommitRequest): Promise<readonly MemberCommitAnswer[]>
  /**
   * How a member stands, as far as it is known on this machine without asking anybody: what a page that is about to be sent
   * may hold. A coordinator that is here knows it of this moment; one that is elsewhere has said it last in `told`, or in
   * the answer to a later call of this member. Throws what a heartbeat rejects with; keeps nothing alive and moves nothing.
   */
  standing(identity: MemberIdentity, told: MemberAnswer): MemberAnswer
  /**
   * Calls `listener` once as soon as a heartbeat of this member would bring something new: partitions, a revocation, or
   * the end of its membership. For requests that wait. Returns how to stop listening.
   */
  onNews(state: MemberState, listener: () => void): () => void
  /** While any hold is open, the member's session does not end. For requests that wait. Returns how to let go. */
  holdSession(group: string, memberId: string): () => void
  /** Undefined where no group of this id ever had members. */
  describe(group: string): Promise<MembershipDescription | undefined>
}

export interface JoinRequest {
  readonly group: string
  /** Made by the client. */
  readonly memberId: string
  /** Makes a static member: it comes back as the same one after a restart, under any member id. */
  readonly instanceId?: string | undefined
  /** Names; they need not exist yet. */
  readonly topics: readonly string[]
  /** One of `group.consumer.assignors`; the group uses the one that most members ask for. */
  readonly assignor?: string | undefined
  /** How long the member may take between two fetches, and to let go of a partition. */
  readonly maxPollIntervalMs: number
  /** For people: what the client calls itself, and where it is. */
  readonly clientId?: string | undefined
  readonly clientHost?: string | undefined
}

/** Who is calling, as its cursor says. */
export interface MemberIdentity {
  readonly group: string
  readonly memberId: string
  readonly memberEpoch: number
  /** Lets the answer be FENCED_INSTANCE_ID where another member took over. */
  readonly instanceId?: string | undefined
}

/**
 * What a member was told, as its cursor says. An engine that keeps its members by itself knows that better; one in front of
 * a coordinator elsewhere tells it what the member has.
 */
export interface MemberState extends MemberIdentity {
  /** What the member may read; absent where that is too much for a cursor. */
  readonly held?: readonly PartitionsOfTopic[] | undefined
  /** What was announced as revoking. */
  readonly announced?: readonly PartitionsOfTopic[] | undefined
  readonly maxPollIntervalMs?: number | undefined
  /** As an answer had it. */
  readonly subscription?: number | undefined
}

export interface HeartbeatRequest extends MemberState {
  /**
   * Partitions the member reads no longer: named by it, or announced as revoking by the reply whose cursor it commits. Those that it was not asked to let go of stay with it, and so do those that it
   * came to own only after `memberEpoch`.
   */
  readonly released?: readonly PartitionsOfTopic[] | undefined
  /**
   * How old the fetch is from which the member works, in milliseconds; absent where this is a fetch. Beyond the member's
   * `maxPollIntervalMs` the call keeps nothing alive.
   */
  readonly fetchAgeMs?: number | undefined
}

export interface LeaveRequest {
  readonly group: string
  readonly memberId: string
  readonly permanent?: boolean | undefined
}

export interface PartitionsOfTopic {
  /** Topics by id: a topic of the same name made later is another one. */
  readonly topicId: string
  readonly partitions: readonly number[]
}

export interface AssignedTopic extends PartitionsOfTopic {
  readonly topic: string
  /**
   * For each partition the epoch since which this member has owned it without a break. A position counts only if it comes
   * from this epoch or a later one; else reading starts at the committed offset.
   */
  readonly sinceEpochs: readonly number[]
}

export interface MemberAnswer {
  readonly memberEpoch: number
  /** What the member may read. By topic id, partitions ascending. */
  readonly assignment: readonly AssignedTopic[]
  /** What it still owns and may commit, must not read any more, and is to let go of within `maxPollIntervalMs`. */
  readonly revoking: readonly AssignedTopic[]
  readonly maxPollIntervalMs: number
  readonly heartbeatIntervalMs: number
  readonly sessionTimeoutMs: number
  /** A checksum of the topics of its join, where the engine wants to be shown it again. */
  readonly subscription?: number
}

export interface JoinAnswer extends MemberAnswer {
  /** False where the member, or the instance it takes over, was there before. */
  readonly created: boolean
}

export interface MemberCommitRequest extends HeartbeatRequest {
  readonly offsets: readonly {
    readonly topic: string
    readonly topicId: string
    readonly partition: number
    readonly nextOffset: number
    readonly metadata?: string | undefined
  }[]
}

export interface MemberCommitAnswer {
  readonly topic: string
  readonly partition: number
  /** The committed offset as it now stands; −1 where there is none. */
  readonly nextOffset: number
  /** Why this offset was not stored; absent also where the committed offset is already there or further. */
  readonly errorCode?: 'STALE_MEMBER_EPOCH' | 'UNKNOWN_TOPIC_OR_PARTITION' | 'OFFSET_METADATA_TOO_LARGE'
}

/** Kafka's names; the last two are of classic groups. */
export type GroupStateName =
  'Empty' | 'Assigning' | 'Reconciling' | 'Stable' | 'Dead' | 'PreparingRebalance' | 'CompletingRebalance'
export type MemberStateName = 'Stable' | 'UnrevokedPartitions' | 'UnreleasedPartitions' | 'Left'

export interface MembershipDescription {
  readonly group: string
  readonly state: GroupStateName
  /** Raised by every join, leave, change of a subscription, and change of a subscribed topic. */
  readonly groupEpoch: number
  /** The group epoch for which the target assignment was made. */
  readonly assignmentEpoch: number
  readonly assignor: string
  /** Sorted by member id. */
  readonly members: readonly MemberDescription[]
}

export interface MemberDescription {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly memberEpoch: number
  readonly state: MemberStateName
  readonly topics: readonly string[]
  /** null where the coordinator does not tell. */
  readonly maxPollIntervalMs: number | null
  readonly assignment: readonly AssignedTopic[]
  readonly revoking: readonly AssignedTopic[]
  /** What the member is to own when everybody has followed. */
  readonly target: readonly (PartitionsOfTopic & { readonly topic: string })[]
}

import assert from 'node:assert/strict'
import { BrokerError } from '../../../../src/broker/broker-error.ts'
import type { AssignedTopic, JoinRequest, MemberAnswer } from '../../../../src/broker/group-membership.ts'
import { ConsumerGroup } from '../../../../src/embedded/groups/membership/consumer-group.ts'
import { GroupReplay } from '../../../../src/embedded/groups/membership/group-replay.ts'
import type { GroupSettings } from '../../../../src/embedded/groups/membership/group-settings.ts'
import {
  type GroupState,
  LEFT_STATIC_MEMBER_EPOCH,
  NEW_GROUP,
  targetOf,
} from '../../../../src/embedded/groups/membership/group-state.ts'
import { eachHolding } from '../../../../src/embedded/groups/membership/holdings.ts'
import type { MembershipChange } from '../../../../src/embedded/groups/membership/membership-change.ts'
import {
  decodeGroupRecord,
  type EncodedGroupRecord,
  encodeGroupRecord,
} from '../../../../src/embedded/groups/records/group-record-codec.ts'
import { FakeTopicLookup } from './fake-topic-lookup.ts'

export const settings: GroupSettings = {
  sessionTimeoutMs: 45_000,
  heartbeatIntervalMs: 5_000,
  maxSize: 6,
  assignors: ['uniform', 'range'],
}
export const maxPollIntervalMs = 60_000

/** What a reply let a client know, as its cursor would carry it. */
export interface Cursor {
  readonly memberId: string
  readonly instanceId: string | undefined
  readonly epoch: number
  /** When the reply was made, in steps of the model. */
  readonly step: number
  /** Which membership of this member id it belongs to. */
  readonly membership: number
  readonly assigned: readonly string[]
  readonly revoking: readonly AssignedTopic[]
}

/** Who may read or commit a partition, as far as replies and requests tell: kept without looking into the group. */
interface Claim {
  readonly memberId: string
  /** The step of the reply that first gave it to the member. */
  readonly sinceStep: number
  revoking: boolean
}

/** What becomes of a call when its step is durable: first of all calls what they end, then of all what they are told. */
interface Outcome {
  end?(): void
  tell?(settled: MembershipChange): void
}

/**
 * Drives a group as a coordinator would, plays its clients, and keeps its own account of who may do what, made of nothing
 * but requests and replies. Every step asserts that the two agree.
 */
export class GroupModel {
  readonly topics = new FakeTopicLookup()
  group: ConsumerGroup
  now = 1_000
  #step = 0
  #memberships = 0
  readonly #log: EncodedGroupRecord[] = []
  readonly #claims = new Map<string, Claim>()
  /** The membership that each member id has at present. */
  readonly #members = new Map<string, { membership: number; instanceId: string | undefined; left: boolean }>()
  /** Every cursor that reached its client, oldest first. */
  readonly cursors: Cursor[] = []

  constructor() {
    this.group = new ConsumerGroup({ group: 'g', settings, topics: this.topics }, this.now)
  }

  get memberIds(): string[] {
    return [...this.#members.keys()]
  }

  newest(memberId: string): Cursor | undefined {
    return this.cursors.findLast((cursor) => cursor.memberId === memberId)
  }

  isLive(cursor: Cursor): boolean {
    const member = this.#members.get(cursor.memberId)
    return member !== undefined && !member.left && member.membership === cursor.membership
  }

  /** One step with several calls. */
  perform(calls: readonly ((change: MembershipChange) => Outcome)[], written = true): void {
    this.#step++
    const change = this.group.begin()
    const outcomes = calls.map((call) => call(change))
    change.settle()
    if (!written) {
      this.group.abandon(change, this.now)
      return
    }
    this.#write(change)
    this.group.adopt(change, this.now)
    for (const outcome of outcomes) outcome.end?.()
    for (const outcome of outcomes) outcome.tell?.(change)
    this.check()
  }

  join(request: Omit<JoinRequest, 'group' | 'maxPollIntervalMs'>, delivered = true, written = true): void {
    this.perform([this.joining(request, delivered)], written)
  }

  joining(request: Omit<JoinRequest, 'group' | 'maxPollIntervalMs'>, delivered = true) {
    return (change: MembershipChange): Outcome => {
      const { memberId, instanceId } = request
      const holder = [...this.#members].find(
        ([, { instanceId: held }]) => held !== undefined && held === instanceId,
      )?.[0]
      const known = this.#members.has(memberId)
      const expected =
        holder !== undefined && holder !== memberId
          ? known
            ? 'UNRELEASED_INSTANCE_ID'
            : undefined
          : !known && this.#members.size >= settings.maxSize
            ? 'GROUP_MAX_SIZE_REACHED'
            : undefined
      const code = codeOf(() => change.join({ group: 'g', maxPollIntervalMs, ...request }))
      assert.equal(code, expected)
      if (code !== undefined) return {}
      return {
        end: () => {
          if (holder !== undefined && holder !== memberId) this.#end(holder)
          this.#end(memberId)
          this.#members.set(memberId, { membership: ++this.#memberships, instanceId, left: false })
        },
        tell: (settled) => {
          const answer = settled.joinAnswer(memberId)
          assert.equal(answer.created, !known && holder === undefined)
          assert.deepEqual(answer.revoking, [])
          this.#told(memberId, answer, delivered)
        },
      }
    }
  }

  heartbeat(cursor: Cursor, released: readonly AssignedTopic[], delivered = true): void {
    this.perform([this.heartbeating(cursor, released, delivered)])
  }

  heartbeating(cursor: Cursor, released: readonly AssignedTopic[], delivered = true) {
    return (change: MembershipChange): Outcome => {
      const { memberId, instanceId } = cursor
      const request = { group: 'g', memberId, instanceId, memberEpoch: cursor.epoch, released }
      const code = codeOf(() => change.heartbeat(request))
      this.#checkRefusal(cursor, code)
      if (code !== undefined) return {}
      assert.ok(this.isLive(cursor), 'only a membership that has not ended may call')
      return {
        end: () => this.#released(cursor, released),
        tell: (settled) => this.#told(memberId, settled.answer(memberId), delivered),
      }
    }
  }

  /** Commits what the cursor was given, and one partition that it was not. */
  commit(cursor: Cursor, foreign: string | undefined, released: readonly AssignedTopic[]): void {
    this.perform([
      (change) => {
        const named = [
          ...cursor.assigned,
          ...cursor.revoking.flatMap(keysOf),
          ...(foreign === undefined ? [] : [foreign]),
        ]
        const partitions = [...new Set(named)].map(partitionOf)
        const { memberId, instanceId } = cursor
        const request = { group: 'g', memberId, instanceId, memberEpoch: cursor.epoch, released }
        let counts: boolean[] = []
        const code = codeOf(() => {
          counts = change.commit(request, partitions)
        })
        if (!this.isLive(cursor)) assert.ok(code !== undefined || counts.every((each) => !each))
        else assert.equal(code, undefined, 'a commit of a live membership is never refused as a whole')
        counts.forEach((counted, index) => this.#checkCommit(cursor, keyOf(partitions[index]!), counted))
        return code === undefined ? { end: () => this.#released(cursor, released) } : {}
      },
    ])
  }

  leave(memberId: string, permanent: boolean): void {
    this.perform([
      (change) => {
        change.leave({ group: 'g', memberId, permanent })
        return { end: () => this.#left(memberId, permanent) }
      },
    ])
  }

  /** Lets time pass, and gives up those whose time has come. */
  pass(ms: number): void {
    this.now += ms
    if (this.group.nextCheck > this.now) return
    const due = this.group.due(this.now)
    assert.ok(this.group.nextCheck > this.now || due.length > 0)
    this.perform([
      (change) => {
        change.expire(due)
        return { end: () => due.forEach((memberId) => this.#end(memberId)) }
      },
    ])
  }

  changeTopics(change: (topics: FakeTopicLookup) => void): void {
    change(this.topics)
    for (const key of this.#claims.keys()) {
      if (this.topics.byId(partitionOf(key).topicId) === undefined) this.#claims.delete(key)
    }
    this.perform([
      (step) => {
        step.topicsChanged()
        return {}
      },
    ])
  }

  /** A new coordinator, over what the log holds. */
  restart(): void {
    this.group = new ConsumerGroup(
      { group: 'g', settings, topics: this.topics },
      this.now,
      this.#replayed(this.#log) ?? NEW_GROUP,
    )
    this.check()
  }

  /** Nobody owns what another one owns; the log tells all there is, compacted or not. */
  check(): void {
    const { state } = this.group
    const owners = new Map<string, string>()
    for (const { memberId, current } of state.members.values()) {
      assert.ok(current.epoch <= state.assignmentEpoch)
      for (const holdings of [current.assigned, current.revoking]) {
        for (const [topicId, partition, sinceEpoch] of eachHolding(holdings)) {
          const key = keyOf({ topicId, partition })
          assert.equal(owners.get(key), undefined, `${key} has two owners`)
          owners.set(key, memberId)
          assert.equal(state.owners.get(topicId)?.[partition], memberId)
          assert.ok(sinceEpoch <= Math.max(current.epoch, 0) || current.epoch === LEFT_STATIC_MEMBER_EPOCH)
        }
      }
    }
    const indexed = [...state.owners.values()].flat().filter((owner) => owner !== undefined)
    assert.equal(indexed.length, owners.size)
    assert.deepEqual([...state.members.keys()].sort(), this.memberIds.sort())
    assert.deepEqual(durable(this.#replayed(this.#log) ?? NEW_GROUP), durable(state))
    assert.deepEqual(durable(this.#replayed(compacted(this.#log)) ?? NEW_GROUP), durable(state))
  }

  /** Everybody calls until nothing changes any more. */
  converge(): void {
    const most = 4 * settings.maxSize + 8
    // One round without a change may be the one that tells again what a lost reply had told.
    for (let round = 0, quiet = 0; quiet < 2; round++) {
      assert.ok(round < most, 'the assignment does not converge')
      const before = this.group.state
      for (const memberId of this.memberIds) {
        const cursor = this.newest(memberId)
        if (cursor === undefined || !this.isLive(cursor)) this.#rejoin(memberId)
        else this.heartbeat(cursor, cursor.revoking)
      }
      quiet = this.group.state === before ? quiet + 1 : 0
    }
    const { state } = this.group
    for (const { memberId, current } of state.members.values()) {
      assert.equal(current.state, 'stable')
      const owned = new Map([...current.assigned].map(([topicId, partitions]) => [topicId, [...partitions.keys()]]))
      const target = [...targetOf(state, memberId)].filter(([topicId]) => this.topics.byId(topicId) !== undefined)
      assert.deepEqual(owned, new Map(target))
    }
    assert.equal(this.group.describe().state, state.members.size === 0 ? 'Empty' : 'Stable')
  }

  #rejoin(memberId: string): void {
    const instanceId = this.#members.get(memberId)?.instanceId
    const topics = this.group.state.members.get(memberId)?.metadata.topics ?? []
    this.join({ memberId, instanceId, topics })
  }

  #write(change: MembershipChange): void {
    const records = change.records()
    if (change.after !== change.before) assert.ok(records.length > 0, 'a change that nothing tells of')
    for (const record of records) this.#log.push(encodeGroupRecord('g', record))
  }

  #replayed(log: readonly EncodedGroupRecord[]) {
    const replay = new GroupReplay()
    for (const { key, value } of log) {
      const decoded = decodeGroupRecord(key, value)
      assert.ok(typeof decoded !== 'string')
      replay.play(decoded.record)
    }
    return replay.finish()
  }

  #checkRefusal(cursor: Cursor, code: string | undefined): void {
    if (code !== undefined) assert.match(code, /^(UNKNOWN_MEMBER_ID|FENCED_MEMBER_EPOCH|FENCED_INSTANCE_ID)$/)
    // Whoever carries the newest reply it got is never fenced, however many later replies were lost.
    if (this.isLive(cursor) && cursor === this.newest(cursor.memberId)) assert.equal(code, undefined)
  }

  /** A position that came with the partition counts exactly as long as the partition was never away. */
  #checkCommit(cursor: Cursor, key: string, counted: boolean): void {
    // What is committed for a topic that is gone goes nowhere: whoever stores offsets refuses it.
    if (this.topics.byId(partitionOf(key).topicId) === undefined) return
    const claim = this.#claims.get(key)
    const owned = this.isLive(cursor) && claim?.memberId === cursor.memberId
    const given = cursor.assigned.includes(key) || cursor.revoking.flatMap(keysOf).includes(key)
    if (given) assert.equal(counted, owned && claim.sinceStep <= cursor.step, `commit of ${key}`)
    else if (counted) assert.ok(owned, `commit of ${key} by who never got it`)
  }

  #told(memberId: string, answer: MemberAnswer, delivered: boolean): void {
    const assigned = answer.assignment.flatMap(keysOf)
    const revoking = answer.revoking.flatMap(keysOf)
    for (const key of assigned) {
      const claim = this.#claims.get(key)
      assert.ok(
        claim === undefined || claim.memberId === memberId,
        `${key} was given away while ${claim?.memberId} owns it`,
      )
      if (claim === undefined) this.#claims.set(key, { memberId, sinceStep: this.#step, revoking: false })
      else assert.equal(claim.revoking, false)
    }
    for (const key of revoking) {
      const claim = this.#claims.get(key)
      assert.equal(claim?.memberId, memberId)
      claim.revoking = true
    }
    for (const [key, claim] of this.#claims) {
      if (claim.memberId === memberId) assert.ok(assigned.includes(key) || revoking.includes(key), `${key} is lost`)
    }
    if (!delivered) return
    const { membership, instanceId } = this.#members.get(memberId)!
    const told = { assigned, revoking: answer.revoking, epoch: answer.memberEpoch }
    this.cursors.push({ memberId, instanceId, membership, step: this.#step, ...told })
  }

  #released(cursor: Cursor, released: readonly AssignedTopic[]): void {
    for (const key of released.flatMap(keysOf)) {
      const claim = this.#claims.get(key)
      if (claim?.memberId === cursor.memberId && claim.revoking && claim.sinceStep <= cursor.step)
        this.#claims.delete(key)
    }
  }

  #left(memberId: string, permanent: boolean): void {
    const member = this.#members.get(memberId)
    if (member === undefined) return
    if (member.instanceId === undefined || permanent) this.#end(memberId)
    else member.left = true
    for (const [key, claim] of this.#claims) {
      if (claim.memberId === memberId && claim.revoking) this.#claims.delete(key)
    }
  }

  #end(memberId: string): void {
    this.#members.delete(memberId)
    for (const [key, claim] of this.#claims) if (claim.memberId === memberId) this.#claims.delete(key)
  }
}

/** Without what follows from the rest. */
function durable(state: GroupState): GroupState {
  return { ...state, owners: new Map() }
}

/** As compaction leaves it: of each key the last record. */
function compacted(log: readonly EncodedGroupRecord[]): EncodedGroupRecord[] {
  const last = new Map<string, number>()
  log.forEach(({ key }, index) => last.set(key.toString('hex'), index))
  return log.filter(({ key, value }, index) => value !== null && last.get(key.toString('hex')) === index)
}

function codeOf(call: () => void): string | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    if (error instanceof BrokerError) return error.code
    throw error
  }
}

function keysOf({ topicId, partitions }: AssignedTopic): string[] {
  return partitions.map((partition) => keyOf({ topicId, partition }))
}

export function keyOf({ topicId, partition }: { topicId: string; partition: number }): string {
  return `${topicId}/${partition}`
}

function partitionOf(key: string): { topicId: string; partition: number } {
  const [topicId = '', partition] = key.split('/')
  return { topicId, partition: Number(partition) }
}

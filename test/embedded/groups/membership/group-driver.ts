import assert from 'node:assert/strict'
import { BrokerError } from '../../../../src/broker/broker-error.ts'
import type {
  HeartbeatRequest,
  JoinAnswer,
  JoinRequest,
  MemberAnswer,
} from '../../../../src/broker/group-membership.ts'
import { ConsumerGroup } from '../../../../src/embedded/groups/membership/consumer-group.ts'
import type { GroupRecord } from '../../../../src/embedded/groups/membership/group-record.ts'
import { GroupReplay } from '../../../../src/embedded/groups/membership/group-replay.ts'
import type { MembershipChange } from '../../../../src/embedded/groups/membership/membership-change.ts'
import { FakeTopicLookup } from './fake-topic-lookup.ts'

const settings = { sessionTimeoutMs: 45_000, heartbeatIntervalMs: 5_000, maxSize: 100, assignors: ['uniform', 'range'] }
export const maxPollIntervalMs = 60_000

/** A group with a topic of four partitions, driven call by call. */
export class Driver {
  readonly topics = new FakeTopicLookup()
  readonly topic = this.topics.create('orders', 4)
  readonly log: GroupRecord[] = []
  now = 0
  news: string[] = []
  group: ConsumerGroup

  constructor(changes: Partial<typeof settings> = {}) {
    this.group = new ConsumerGroup({ group: 'g', settings: { ...settings, ...changes }, topics: this.topics }, 0)
  }

  step<Answer>(call: (change: MembershipChange) => Answer): { answered: Answer; change: MembershipChange } {
    const change = this.group.begin()
    const answered = call(change)
    change.settle()
    this.log.push(...change.records())
    this.group.adopt(change, this.now)
    this.news = change.news().sort()
    return { answered, change }
  }

  join(memberId: string, more: Partial<JoinRequest> = {}): JoinAnswer {
    const request = { group: 'g', memberId, topics: ['orders'], maxPollIntervalMs, ...more }
    return this.step((change) => change.join(request)).change.joinAnswer(memberId)
  }

  heartbeat(memberId: string, memberEpoch: number, more: Partial<HeartbeatRequest> = {}): MemberAnswer {
    const request = { group: 'g', memberId, memberEpoch, ...more }
    return this.step((change) => change.heartbeat(request)).change.answer(memberId)
  }

  commit(memberId: string, memberEpoch: number, partitions: readonly number[], more: Partial<HeartbeatRequest> = {}) {
    const { topicId } = this.topic
    const named = partitions.map((partition) => ({ topicId, partition }))
    return this.step((change) => change.commit({ group: 'g', memberId, memberEpoch, ...more }, named)).answered
  }

  leave(memberId: string, permanent = false): void {
    this.step((change) => change.leave({ group: 'g', memberId, permanent }))
  }

  expire(): string[] {
    const due = this.group.due(this.now)
    this.step((change) => change.expire(due))
    return due
  }

  restart(): void {
    const replay = new GroupReplay()
    for (const record of this.log) replay.play(record)
    this.group = new ConsumerGroup({ group: 'g', settings, topics: this.topics }, this.now, replay.finish())
  }
}

export const partitionsOf = ({ assignment }: MemberAnswer): number[] =>
  assignment.flatMap(({ partitions }) => partitions)
export const revokingOf = ({ revoking }: MemberAnswer): number[] => revoking.flatMap(({ partitions }) => partitions)

export function refused(call: () => unknown, code: string): void {
  assert.throws(call, (error) => error instanceof BrokerError && error.code === code)
}

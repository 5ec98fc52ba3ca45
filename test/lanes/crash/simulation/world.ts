import type { BrokerError } from '../../../../src/broker/broker-error.ts'
import type { EmbeddedEngine } from '../../../../src/embedded/embedded-engine.ts'
import type { FakeClock } from '../../../support/fake-clock.ts'
import { PromisedMember, PromisedOffsets } from './promised-groups.ts'
import type { Keeping } from './promised-partition.ts'
import { PromisedTopics } from './promised-topics.ts'
import { lawfulRefusal } from './refusals.ts'
import { SentRequests } from './sent-requests.ts'

/** Topics that are always there, by what they keep. */
export const TOPICS: ReadonlyMap<string, Keeping> = new Map([
  ['steady', 'all'],
  ['keyed', 'newest-of-key'],
  ['timed', 'for-a-while'],
])
/** Of `timed`, in milliseconds. */
export const RETENTION_MS = 3000
export const READERS = 'readers'
export const TEAM = 'team'

/** What a run did, for the report and to see that it did enough. */
export interface Counts {
  requests: number
  acknowledged: number
  repeats: number
  recordsSeen: number
  commits: number
  joins: number
  topicsMade: number
  topicsDeleted: number
  deletions: number
  removals: number
  compactions: number
  kills: number
  cuts: number
  cleanStops: number
  /** Of kills and cuts: before the engine was open. */
  inRecovery: number
  calls: number
  /** Of calls: those that a disk in trouble refused. */
  failedCalls: number
}

export function noCounts(): Counts {
  return {
    requests: 0,
    acknowledged: 0,
    repeats: 0,
    recordsSeen: 0,
    commits: 0,
    joins: 0,
    topicsMade: 0,
    topicsDeleted: 0,
    deletions: 0,
    removals: 0,
    compactions: 0,
    kills: 0,
    cuts: 0,
    cleanStops: 0,
    inRecovery: 0,
    calls: 0,
    failedCalls: 0,
  }
}

/** What outlives every crash: the clients of the server, and what they were promised. */
export class World {
  readonly random: () => number
  readonly requests = new SentRequests()
  readonly topics = new PromisedTopics()
  readonly offsets = new Map([READERS, TEAM].map((group) => [group, new PromisedOffsets()]))
  readonly members = ['ann', 'bob'].map((memberId) => new PromisedMember(TEAM, memberId))
  readonly counts = noCounts()
  /** The disk is made to fail. */
  diskMayFail = false
  readonly #underWay = new Set<Promise<unknown>>()
  /** The first promise that was found broken. */
  #failure: { readonly error: unknown } | undefined

  constructor(random: () => number) {
    this.random = random
  }

  /** Throws what no client may be told. */
  readonly lawful = (error: unknown): BrokerError => lawfulRefusal(error, this.diskMayFail)

  /** 0 ≤ number < below. */
  whole(below: number): number {
    return Math.floor(this.random() * below)
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[this.whole(items.length)]
  }

  /** What goes wrong with a client's call ends the run. */
  track(call: Promise<unknown>): void {
    const settled = call
      .catch((error: unknown) => (this.#failure ??= { error }))
      .finally(() => this.#underWay.delete(settled))
    this.#underWay.add(settled)
  }

  /** A client's call: it is answered, or refused as it may be. */
  ask<Answer>(call: Promise<Answer>, answered: (answer: Answer) => void): void {
    this.track(
      call.then((answer) => {
        answered(answer)
        return undefined
      }, this.lawful),
    )
  }

  /** Resolves when every call under way is answered. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  /** Nobody will answer any more. */
  crashed(): void {
    this.#underWay.clear()
  }

  check(): void {
    if (this.#failure) throw this.#failure.error
  }
}

/** One life of the server, as its clients see it. */
export interface Life {
  readonly world: World
  readonly engine: EmbeddedEngine
  readonly clock: FakeClock
}

export function keepingOf(topic: string): Keeping {
  return TOPICS.get(topic) ?? 'all'
}

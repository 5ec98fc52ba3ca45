import type { Clock } from './clock.ts'
import type { CursorTrail } from './cursor-trail.ts'
import type { Engine } from './engine.ts'
import type { GroupMemberService } from './group-member-service.ts'
import type { MemberCursor, MemberCursorCodec } from './member-cursor.ts'
import type { MemberPage, MemberPageSink } from './member-fetch-service.ts'
import { committedOffsets } from './member-positions.ts'
import type { MemberStanding } from './member-state.ts'
import { UnconfirmedWork } from './unconfirmed-work.ts'

export interface MemberStreamRequest {
  readonly group: string
  readonly memberId: string
  readonly cursor: string
}

/** What went to a sink, in the order of its partitions. */
export interface DeliveredRun {
  readonly topic: string
  readonly partition: number
  readonly firstOffset: number
  readonly nextOffset: number
}

export interface MemberStreamDependencies {
  readonly engine: Engine
  readonly clock: Clock
  readonly members: GroupMemberService
  readonly memberCursors: MemberCursorCodec
}

export interface MemberReading {
  readonly maxRecords: number
  /** Bytes of records, without compression; one record is given whatever its size. */
  readonly maxBytes: number
  /** Milliseconds to wait for records, or for news of the member. */
  readonly waitMs: number
  readonly signal?: AbortSignal
}

/** Cursors behind the records of a page. */
export interface PageCursors {
  readonly trail: CursorTrail
  /** −1: no cursor holds it, for it is committed already. */
  readonly placeOf: (topic: string, partition: number) => number
}

/** A member that reads on and on. It stays one while what it was sent is committed within its `maxPollIntervalMs`. */
export class MemberStream {
  readonly #deps: MemberStreamDependencies
  readonly #request: Omit<MemberStreamRequest, 'cursor'>
  readonly #work: UnconfirmedWork
  readonly #maxPollIntervalMs: number
  #isSuperseded = false
  /** The newest: where reading goes on. */
  cursor: string

  constructor(deps: MemberStreamDependencies, request: MemberStreamRequest, { maxPollIntervalMs }: MemberCursor) {
    const { group, memberId, cursor } = request
    this.#deps = deps
    this.#request = { group, memberId }
    this.#maxPollIntervalMs = maxPollIntervalMs
    this.#work = new UnconfirmedWork(maxPollIntervalMs)
    this.cursor = cursor
  }

  /** The member has begun to fetch elsewhere. */
  get isSuperseded(): boolean {
    return this.#isSuperseded
  }

  /** The next page. */
  async next({ maxRecords, maxBytes, waitMs, signal }: MemberReading, sink: MemberPageSink): Promise<MemberPage> {
    const fetchAgeMs = await this.#ageMs()
    const left = this.#maxPollIntervalMs - fetchAgeMs
    const limits = { maxRecords, maxBytes, waitMs: left > 0 ? Math.min(waitMs, left) : waitMs }
    const request = { ...this.#request, cursor: this.cursor, limits, fetchAgeMs, onSuperseded: this.#superseded }
    const page = await this.#deps.members.fetch(request, sink, signal)
    this.cursor = page.cursor
    return page
  }

  readonly #superseded = (): void => {
    this.#isSuperseded = true
  }

  /** Keeps the member alive while nothing can be sent to it, as long as it is at work in time. */
  async heartbeat(): Promise<MemberStanding> {
    const answer = await this.#deps.members.heartbeat({ ...this.#request, cursor: this.cursor })
    this.cursor = answer.cursor
    return answer
  }

  /** These records are on their way to the client. */
  sent(runs: readonly DeliveredRun[]): void {
    const positions = new Map<string, number>()
    for (const { topic, partition, nextOffset } of runs) {
      const topicId = this.#topicId(topic)
      if (topicId !== undefined) positions.set(`${topicId}/${partition}`, nextOffset)
    }
    this.#work.sent(this.#deps.clock.monotonic(), positions)
  }

  /** From before the page on, to be moved record by record. */
  cursors(page: MemberPage, runs: readonly DeliveredRun[]): PageCursors {
    const { memberCursors } = this.#deps
    const starts = new Map<string, number>()
    for (const { topic, partition, firstOffset } of runs) {
      const key = `${this.#topicId(topic)}/${partition}`
      if (!starts.has(key)) starts.set(key, firstOffset)
    }
    const behind = memberCursors.decode(page.cursor)
    const places = new Map<string, number>()
    const topics = behind.topics.map((topic) => ({
      ...topic,
      positions: topic.positions.map(({ partition, offset }) => {
        const key = `${topic.topicId}/${partition}`
        places.set(key, places.size)
        return { partition, offset: starts.get(key) ?? offset }
      }),
    }))
    return {
      trail: memberCursors.trail({ ...behind, topics }),
      placeOf: (topic, partition) => places.get(`${this.#topicId(topic)}/${partition}`) ?? -1,
    }
  }

  async #ageMs(): Promise<number> {
    const { engine, clock, memberCursors } = this.#deps
    const { topics, heldListed } = memberCursors.decode(this.cursor)
    const committed = committedOffsets(await engine.groups.committed(this.#request.group))
    const owned = new Map(topics.map(({ topicId, held, revoking }) => [topicId, new Set([...held, ...revoking])]))
    return this.#work.ageMs(clock.monotonic(), (key, offset) => {
      const [topicId = '', number] = key.split('/')
      const partition = Number(number)
      if (heldListed && owned.get(topicId)?.has(partition) !== true) return true
      return (committed.get(topicId)?.get(partition) ?? -1) >= offset
    })
  }

  #topicId(topic: string): string | undefined {
    return this.#deps.engine.topics.find(topic)?.topicId
  }
}

export class MemberStreamService {
  readonly #deps: MemberStreamDependencies

  constructor(deps: MemberStreamDependencies) {
    this.#deps = deps
  }

  /** Rejects a cursor that is none. Whether it is this member's is told by the first page. */
  open(request: MemberStreamRequest, pointer: string): MemberStream {
    return new MemberStream(this.#deps, request, this.#deps.memberCursors.decode(request.cursor, pointer))
  }
}

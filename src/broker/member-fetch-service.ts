import { type AutoOffsetReset, parseAutoOffsetReset } from './auto-offset-reset.ts'
import { BrokerError } from './broker-error.ts'
import type { Clock } from './clock.ts'
import type { Engine } from './engine.ts'
import type { OffsetGap, PartitionPosition, PartitionReadError } from './topic-page.ts'
import type { MemberAnswer } from './group-membership.ts'
import type { MemberCursor, MemberCursorCodec } from './member-cursor.ts'
import { MemberFetchCall } from './member-fetch-call.ts'
import type { MemberFetches } from './member-fetches.ts'
import { MemberPageAssembly, type MovedPosition } from './member-page-assembly.ts'
import type { MemberPageReader } from './member-page-reader.ts'
import { committedOffsets, type MemberPosition, type MemberPositionFinder } from './member-positions.ts'
import { isNewTo, type MemberStanding, stateOf } from './member-state.ts'
import type { OffsetService } from './offset-service.ts'
import { isRepairable, type PageLimits, type PageSink } from './page-reader.ts'

/** A page that can be taken back: a partition may be lost between reading its records and sending them. */
export interface MemberPageSink extends PageSink {
  /** All records given so far are void. */
  discard(): void
}

export interface MemberFetchRequest {
  readonly group: string
  readonly memberId: string
  readonly cursor: string
  readonly limits: Omit<PageLimits, 'until'>
  /**
   * How old the work is that the client has in hand, where that is to keep the member alive and not this call: beyond its
   * `maxPollIntervalMs` the session is no longer prolonged. For streams.
   */
  readonly fetchAgeMs?: number | undefined
  /** Told where a newer fetch of the member has ended this one: the page is what there was by then. */
  readonly onSuperseded?: (() => void) | undefined
}

/** A page for a member, without its records: those went to the sink. */
export interface MemberPage extends MemberStanding {
  readonly cursor: string
  /** Every partition assigned was read to its high watermark. */
  readonly upToDate: boolean
  /** The partitions the page moved in. */
  readonly partitions: readonly PartitionPosition[]
  /** Positions that could not be read and were moved as `autoOffsetReset` says. */
  readonly gaps: readonly OffsetGap[]
  readonly partitionErrors?: readonly PartitionReadError[]
}

export interface MemberFetchDependencies {
  readonly engine: Engine
  readonly clock: Clock
  readonly memberCursors: MemberCursorCodec
  readonly positions: MemberPositionFinder
  readonly pages: MemberPageReader
  readonly offsets: OffsetService
  readonly fetches: MemberFetches
}

/** A page that kept losing partitions while it was read is given up empty. */
const READ_ATTEMPTS_MAX = 5

/** Reads for members. A fetch moves the member's assignment on, and nothing else: it releases and commits nothing. */
export class MemberFetchService {
  readonly #deps: MemberFetchDependencies

  constructor(deps: MemberFetchDependencies) {
    this.#deps = deps
  }

  /** @param cursor decoded, and the caller's own */
  async fetch(
    cursor: MemberCursor,
    request: MemberFetchRequest,
    sink: MemberPageSink,
    signal?: AbortSignal,
  ): Promise<MemberPage> {
    const { engine, fetches, clock } = this.#deps
    const reset = parseAutoOffsetReset(cursor.autoOffsetReset, clock.now())
    const call = new MemberFetchCall(engine.membership, stateOf(cursor), signal)
    try {
      const answer = await this.#heartbeat(call, request)
      fetches.begin(call)
      if (request.limits.waitMs > 0 && (request.fetchAgeMs ?? 0) <= answer.maxPollIntervalMs) call.holdSession()
      return await this.#untilToldOrOver({ cursor, request, reset, call, sink }, answer)
    } finally {
      if (call.hasEnded && signal?.aborted !== true) request.onSuperseded?.()
      call.close()
      fetches.end(call)
    }
  }

  async #untilToldOrOver(fetch: Fetch, first: MemberAnswer): Promise<MemberPage> {
    const { cursor, call, request, sink } = fetch
    const { clock, engine } = this.#deps
    const deadline = clock.monotonic() + request.limits.waitMs
    let answer = first
    for (let attempts = 0; ;) {
      const isNew = isNewTo(cursor, answer)
      const left = Math.max(0, deadline - clock.monotonic())
      const waitMs = isNew || call.hasEnded ? 0 : left
      const page = await this.#read(fetch, answer, waitMs)
      if (!page.hasRecords && call.hasNews && !call.hasEnded && left > 0) {
        answer = await this.#heartbeat(call, request)
        continue
      }
      const standing = engine.membership.standing(call.state, answer)
      if (page.mayBeSent(standing)) return this.#finish(fetch, page, standing)
      sink.discard()
      attempts += 1
      answer = standing
      if (attempts === READ_ATTEMPTS_MAX) return this.#finish(fetch, await this.#unread(cursor), standing)
    }
  }

  /** Listens before it asks, so that nothing new is missed between the answer and the wait. */
  async #heartbeat(call: MemberFetchCall, { fetchAgeMs }: MemberFetchRequest): Promise<MemberAnswer> {
    call.listen()
    const age = fetchAgeMs === undefined ? {} : { fetchAgeMs }
    return this.#deps.engine.membership.heartbeat({ ...call.state, ...age })
  }

  async #read(
    { cursor, request, reset, call, sink }: Fetch,
    answer: MemberAnswer,
    waitMs: number,
  ): Promise<MemberPageAssembly> {
    const { positions: finder, memberCursors, pages } = this.#deps
    const found = await finder
      .find(cursor, answer, reset)
      .catch((error: unknown) => this.#refuse(error, cursor, answer))
    const { readable, revoking } = found
    const inOrder = readable.slice(cursor.turn % Math.max(1, readable.length))
    inOrder.push(...readable.slice(0, readable.length - inOrder.length))
    const room = memberCursors.positionRoom(cursor)
    const asked = { positions: inOrder, carried: revoking, room, limits: { ...request.limits, waitMs } }
    const page = new MemberPageAssembly(cursor, found, await pages.read(asked, sink, call.signal))
    if (reset === 'none' || page.outOfRange.length === 0) return page
    const moves = await this.#moves(page.outOfRange, reset)
    if (page.hasRecords) return page.withMoves(moves)
    const moved = inOrder.map((position) => movedPosition(position, moves))
    const again = await pages.read({ ...asked, positions: moved, limits: { ...request.limits, waitMs: 0 } }, sink)
    return new MemberPageAssembly(cursor, found, again, moves)
  }

  /**
   * Where positions out of range go on, as `autoOffsetReset` says. A committed offset beyond the log's end does not go
   * away by itself: where the cursor has a position behind it, reading goes on there.
   */
  async #moves(
    positions: readonly MemberPosition[],
    reset: Exclude<AutoOffsetReset, 'none'>,
  ): Promise<readonly MovedPosition[]> {
    const moves: MovedPosition[] = []
    for (const { topic, partition, offset: fromOffset, heldOffset } of positions) {
      const isNews = heldOffset === undefined || heldOffset >= fromOffset
      const [start] = isNews ? await this.#deps.offsets.starts(topic, [partition], reset.at, 0) : []
      const toOffset = isNews ? (start?.offset ?? 0) : heldOffset
      moves.push({ topic, partition, fromOffset, toOffset, isNews })
    }
    return moves
  }

  /** With the cursor that commits where to start. */
  async #refuse(error: unknown, cursor: MemberCursor, answer: MemberAnswer): Promise<never> {
    if (!(error instanceof BrokerError) || error.code !== 'NO_OFFSET_FOR_PARTITION') throw error
    const { clock, memberCursors } = this.#deps
    const next = (await this.#unread(cursor)).next(answer, clock.now())
    const facts = { ...error.options.facts, cursor: memberCursors.encode(next.cursor) }
    throw new BrokerError(error.code, error.message, { ...error.options, cause: error, facts })
  }

  async #unread(cursor: MemberCursor): Promise<MemberPageAssembly> {
    const committed = committedOffsets(await this.#deps.engine.groups.committed(cursor.group))
    return new MemberPageAssembly(
      cursor,
      { readable: [], revoking: [], committed },
      { entries: [], isComplete: false, hasRecords: false },
    )
  }

  #finish({ cursor }: Fetch, page: MemberPageAssembly, standing: MemberAnswer): MemberPage {
    const { clock, memberCursors } = this.#deps
    const { shown, cursor: next } = page.next(standing, clock.now())
    const { errors, upToDate, partitions, gaps } = page
    const failures = errors.length > 0 ? { partitionErrors: errors } : {}
    const blocking = page.hasRecords || isNewTo(cursor, standing) ? undefined : blockingError(page)
    if (blocking !== undefined) {
      const facts = { ...blocking.options.facts, ...failures, cursor: memberCursors.encode(page.accepting(next)) }
      throw new BrokerError(blocking.code, blocking.message, { ...blocking.options, cause: blocking, facts })
    }
    return { ...shown, cursor: memberCursors.encode(next), upToDate, partitions, gaps, ...failures }
  }
}

interface Fetch {
  readonly cursor: MemberCursor
  readonly request: MemberFetchRequest
  readonly reset: AutoOffsetReset
  readonly call: MemberFetchCall
  readonly sink: MemberPageSink
}

/** As a read over several partitions without a group tells it. */
function blockingError({ failed, hasOnlyFailed }: MemberPageAssembly): BrokerError | undefined {
  const worst = failed.find(isRepairable) ?? (hasOnlyFailed ? failed[0] : undefined)
  return worst?.error
}

function movedPosition(position: MemberPosition, moves: readonly MovedPosition[]): MemberPosition {
  const move = moves.find(({ topic, partition }) => topic === position.topic && partition === position.partition)
  return move === undefined ? position : { ...position, offset: move.toOffset, heldOffset: move.toOffset }
}

import type { Clock } from './clock.ts'
import type { Engine } from './engine.ts'
import { positionCost } from './member-cursor.ts'
import type { MemberPosition } from './member-positions.ts'
import type { TopicPositions } from './member-state.ts'
import { isRepairable, type PageLimits, type PageProgress, type PageReader, type PageSink } from './page-reader.ts'

export interface MemberReadRequest {
  /** In the order in which they are to be read. */
  readonly positions: readonly MemberPosition[]
  /** Positions that the next cursor holds in any case. */
  readonly carried: readonly TopicPositions[]
  /** What the next cursor has for positions, as `positionCost` counts it. */
  readonly room: number
  readonly limits: PageLimits
}

export interface MemberReadEntry {
  readonly position: MemberPosition
  readonly progress: PageProgress
}

export interface MemberRead {
  readonly entries: readonly MemberReadEntry[]
  /** False where some partitions were not read, for want of room in the cursor or in the page. */
  readonly isComplete: boolean
  readonly hasRecords: boolean
}

/**
 * Reads as many of a member's partitions as the next cursor has room for. A partition that gives nothing takes no room, so
 * that those behind it have their turn on the same page.
 */
export class MemberPageReader {
  readonly #engine: Engine
  readonly #pages: PageReader
  readonly #clock: Clock

  constructor(engine: Engine, pages: PageReader, clock: Clock) {
    this.#engine = engine
    this.#pages = pages
    this.#clock = clock
  }

  /** Waits for the first record if the limits say so, also where there is no partition to read from. */
  async read(request: MemberReadRequest, sink: PageSink, signal?: AbortSignal): Promise<MemberRead> {
    const { positions, limits } = request
    if (positions.length === 0) {
      await this.#pause(limits.waitMs, signal)
      return { entries: [], isComplete: true, hasRecords: false }
    }
    const room = new CursorRoom(request)
    if (room.take(positions).length === positions.length) return this.#readOnce(positions, limits, sink, signal)
    const page = await this.#readInParts(request, sink, signal)
    if (page.hasRecords || limits.waitMs === 0 || page.entries.some(({ progress }) => isRepairable(progress)))
      return page
    await this.#waitForAny(positions, limits.waitMs, signal)
    return this.#readInParts(request, sink, signal)
  }

  async #readOnce(
    positions: readonly MemberPosition[],
    limits: PageLimits,
    sink: PageSink,
    signal: AbortSignal | undefined,
  ): Promise<MemberRead> {
    const page = await this.#pages.read(positions.map(readPosition), limits, sink, signal)
    const entries = page.flatMap((progress, index) => {
      const position = positions[index]
      return position === undefined ? [] : [{ position, progress }]
    })
    return { entries, isComplete: true, hasRecords: page.some((progress) => progress.hasRecords) }
  }

  async #readInParts(request: MemberReadRequest, sink: PageSink, signal?: AbortSignal): Promise<MemberRead> {
    const room = new CursorRoom(request)
    const entries: MemberReadEntry[] = []
    let left = request.positions
    while (left.length > 0) {
      const part = room.take(left)
      if (part.length === 0) break
      const taken = new Set(part)
      left = left.filter((position) => !taken.has(position))
      const read = await this.#readOnce(part, { ...request.limits, waitMs: 0 }, sink, signal)
      entries.push(...read.entries)
      if (read.hasRecords) return { entries, isComplete: left.length === 0, hasRecords: true }
      for (const { position, progress } of read.entries) {
        if (progress.nextOffset === progress.fromOffset && progress.error === undefined) room.giveBack(position)
      }
    }
    return { entries, isComplete: left.length === 0, hasRecords: false }
  }

  async #waitForAny(
    positions: readonly MemberPosition[],
    waitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const asked = { positions: positions.map(readPosition), maxBytes: 1, waitMs, ...(signal && { signal }) }
    for (const { release } of (await this.#engine.read(asked)).partitions) release?.()
  }

  #pause(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (waitMs === 0 || signal?.aborted === true) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const timer = this.#clock.setTimer(waitMs, end)
      signal?.addEventListener('abort', end, { once: true })
    })
  }
}

/** What is left of a cursor for positions. Those that it holds already have their place. */
class CursorRoom {
  /** Positions by topic. */
  readonly #counts = new Map<string, number>()
  #left: number

  constructor({ positions, carried, room }: MemberReadRequest) {
    this.#left = room
    for (const topic of carried) for (const _ of topic.positions) this.#charge(topic.topicId)
    for (const position of positions) if (position.heldOffset !== undefined) this.#charge(position.topicId)
  }

  /** The positions, from the first on, that there is room for. */
  take(positions: readonly MemberPosition[]): MemberPosition[] {
    return positions.filter(({ topicId, heldOffset }) => {
      if (heldOffset !== undefined) return true
      if (positionCost(!this.#counts.has(topicId)) > this.#left) return false
      this.#charge(topicId)
      return true
    })
  }

  giveBack({ topicId, heldOffset }: MemberPosition): void {
    if (heldOffset !== undefined) return
    const count = (this.#counts.get(topicId) ?? 1) - 1
    if (count === 0) this.#counts.delete(topicId)
    else this.#counts.set(topicId, count)
    this.#left += positionCost(count === 0)
  }

  #charge(topicId: string): void {
    const count = this.#counts.get(topicId) ?? 0
    this.#left -= positionCost(count === 0)
    this.#counts.set(topicId, count + 1)
  }
}

function readPosition({ topic, topicId, partition, offset }: MemberPosition) {
  return { topic, topicId, partition, offset }
}

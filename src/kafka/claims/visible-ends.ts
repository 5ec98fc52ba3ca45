import type { Clock } from '../../broker/clock.ts'
import type { OffsetAnswer, OffsetQuery } from '../../broker/engine.ts'
import type { StoredPart } from '../../broker/publish-claim.ts'
import { pause } from '../time-limits.ts'

/** How long an answer waits for readers to see what it tells of: a transaction's end takes a moment to reach all partitions. */
const VISIBLE_WAIT_MS = 500
const LOOK_INTERVAL_MS = 2

interface Watched {
  readonly topic: string
  readonly partition: number
  /** What readers have to see. */
  readonly offset: number
  readonly deadline: number
  readonly done: () => void
}

export interface VisibleEndsOptions {
  readonly listOffsets: (queries: readonly OffsetQuery[]) => Promise<readonly OffsetAnswer[]>
  readonly clock: Clock
  readonly stopping: AbortSignal
}

/** Looks, for all that wait together, how far readers of committed records see. */
export class VisibleEnds {
  readonly #options: VisibleEndsOptions
  readonly #watched = new Set<Watched>()
  #isLooking = false

  constructor(options: VisibleEndsOptions) {
    this.#options = options
  }

  /** Resolves when these can be read, or when that takes too long: a transaction of somebody else is in front of them. */
  async wait(topic: string, stored: readonly StoredPart[]): Promise<void> {
    const deadline = this.#options.clock.monotonic() + VISIBLE_WAIT_MS
    const seen = stored.map(({ partition, lastOffset }) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#watched.add({ topic, partition, offset: lastOffset, deadline, done: resolve })
      return promise
    })
    if (!this.#isLooking) void this.#look()
    await Promise.all(seen)
  }

  async #look(): Promise<void> {
    const { clock, stopping } = this.#options
    this.#isLooking = true
    while (this.#watched.size > 0) {
      await this.#lookOnce([...this.#watched])
      if (this.#watched.size > 0) await pause(LOOK_INTERVAL_MS, clock, stopping)
    }
    this.#isLooking = false
  }

  async #lookOnce(watched: readonly Watched[]): Promise<void> {
    const { clock, listOffsets, stopping } = this.#options
    const places = Map.groupBy(watched, ({ topic, partition }) => `${topic} ${partition}`)
    const queries = [...places.values()].flatMap(([first]): OffsetQuery[] =>
      first === undefined ? [] : [{ topic: first.topic, partition: first.partition, at: 'latest' }],
    )
    const ends = await listOffsets(queries).catch((): readonly OffsetAnswer[] => [])
    const now = clock.monotonic()
    for (const [at, those] of [...places.values()].entries()) {
      const end = ends[at]
      for (const one of those) {
        const isSeen = end?.error !== undefined || (end?.offset ?? 0) > one.offset
        if (!isSeen && now < one.deadline && !stopping.aborted) continue
        this.#watched.delete(one)
        one.done()
      }
    }
  }
}

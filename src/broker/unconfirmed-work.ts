/** Deliveries closer together than this share of the longest time allowed count as one, so that few are remembered. */
const SHARE = 1 / 100

interface Delivery {
  /** Monotonic milliseconds. */
  readonly at: number
  /** By partition, the offset behind what was delivered. */
  readonly positions: Map<string, number>
}

/** What a stream has sent to a member and the member has not committed yet, by when it was sent. */
export class UnconfirmedWork {
  readonly #apartMs: number
  #deliveries: Delivery[] = []

  /** @param maxPollIntervalMs within which what is sent has to be committed */
  constructor(maxPollIntervalMs: number) {
    this.#apartMs = maxPollIntervalMs * SHARE
  }

  sent(at: number, positions: ReadonlyMap<string, number>): void {
    if (positions.size === 0) return
    let last = this.#deliveries.at(-1)
    if (last === undefined || at - last.at > this.#apartMs) {
      last = { at, positions: new Map() }
      this.#deliveries.push(last)
    }
    for (const [partition, offset] of positions) last.positions.set(partition, offset)
  }

  /**
   * How long the oldest of it has been out; 0 where all is committed.
   *
   * @param isDone whether a partition is committed up to an offset, or is not the member's any more
   */
  ageMs(now: number, isDone: (partition: string, offset: number) => boolean): number {
    for (;;) {
      const [oldest] = this.#deliveries
      if (oldest === undefined) return 0
      for (const [partition, offset] of oldest.positions) {
        if (isDone(partition, offset)) oldest.positions.delete(partition)
      }
      if (oldest.positions.size > 0) return now - oldest.at
      this.#deliveries.shift()
    }
  }
}

/** Woken together; each waits again where the others have spent the turn. */
const WOKEN_AT_ONCE = 8

/**
 * Spreads reads over turns of the event loop. What a read returns lives until its page is made of it, which is in the same
 * turn; but reads that begin in one turn (a connection's pipelined requests, a thousand readers that one commit woke)
 * would all return before the first page is made. So a turn has a budget: who comes when it is spent waits for a later one.
 */
export class ReadTurns {
  readonly #maxBytes: number
  #bytes = 0
  #ending = false
  #waiting: (() => void)[] = []

  /** @param maxBytes that a turn reads; one read may pass it */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /**
   * Takes a read's part of a turn; undefined: of this one, else when it resolves.
   * @param maxBytes that it will read at most
   */
  begin(maxBytes: number): Promise<void> | undefined {
    if (this.#waiting.length > 0 || !this.#take(maxBytes)) return this.#wait(maxBytes)
    return undefined
  }

  /** It has read so many bytes less than it might have: others of this turn may. */
  giveBack(bytes: number): void {
    this.#bytes = Math.max(0, this.#bytes - bytes)
  }

  #take(bytes: number): boolean {
    if (this.#bytes > 0 && this.#bytes + bytes > this.#maxBytes) return false
    this.#bytes += bytes
    this.#endTurn()
    return true
  }

  async #wait(maxBytes: number): Promise<void> {
    do {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
        this.#endTurn()
      })
    } while (!this.#take(maxBytes))
  }

  #endTurn(): void {
    if (this.#ending) return
    this.#ending = true
    setImmediate(() => {
      this.#ending = false
      this.#bytes = 0
      for (const wake of this.#waiting.splice(0, WOKEN_AT_ONCE)) wake()
      if (this.#waiting.length > 0) this.#endTurn()
    })
  }
}

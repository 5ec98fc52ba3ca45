/** What a turn works on: 20 to 30 ms of parsing and encoding at most. */
const TURN_BYTES = 4 * 1024 * 1024
/** Not counted: as many as one turn reads are soon parsed. */
const SMALL_BODY_BYTES = 16 * 1024

interface WaitingWork {
  readonly bytes: number
  readonly go: () => void
}

/**
 * Spreads the work on publish requests over turns of the event loop: a commit that took long answers many clients at
 * once, whose next bodies then come at once. Without a bound all other requests would wait until the last is parsed.
 * They keep their order. One body may pass the bound.
 */
export class PublishTurns {
  readonly #hasRoom: () => boolean
  readonly #turnBytes: number
  #bytes = 0
  #ending = false
  readonly #waiting: WaitingWork[] = []

  /** @param hasRoom whether there is memory for what is made of a further body; `freed` tells of more */
  constructor(hasRoom: () => boolean, turnBytes = TURN_BYTES) {
    this.#hasRoom = hasRoom
    this.#turnBytes = turnBytes
  }

  /** Calls `go` for a body of so many bytes: at once, or in a later turn. */
  take(bytes: number, go: () => void): void {
    if (this.#waiting.length > 0 || !this.#mayGo(bytes)) {
      this.#waiting.push({ bytes, go })
      this.freed()
      return
    }
    if (bytes > SMALL_BODY_BYTES) {
      this.#bytes += bytes
      this.#endTurn()
    }
    go()
  }

  /** There may be room again for those that wait. */
  freed(): void {
    if (this.#waiting.length > 0 && this.#hasRoom()) this.#endTurn()
  }

  #mayGo(bytes: number): boolean {
    return (this.#bytes === 0 || this.#bytes + bytes <= this.#turnBytes) && this.#hasRoom()
  }

  #endTurn(): void {
    if (this.#ending) return
    this.#ending = true
    setImmediate(() => {
      this.#ending = false
      this.#bytes = 0
      for (let next = this.#waiting[0]; next !== undefined && this.#mayGo(next.bytes); next = this.#waiting[0]) {
        this.#waiting.shift()
        this.#bytes += next.bytes
        next.go()
      }
      if (this.#bytes > 0) this.#endTurn()
    })
  }
}

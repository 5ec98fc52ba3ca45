/** Pieces that are read and rendered within one turn of the event loop. */
export const TURN_PIECES = 4

/**
 * Streams that read alone take turns, so that a thousand of them that come at once leave room for everything else between
 * their pieces, and what each sends counts before the next one looks whether there is room.
 */
export class ReadingTurns {
  readonly #waiting: (() => void)[] = []
  #free = TURN_PIECES

  async run<Result>(read: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await read()
    } finally {
      setImmediate(() => this.#pass())
    }
  }

  #pass(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free += 1
    else next()
  }
}

/** Loops that go on while the gate is open, and rest at it while it is closed. */
export class Gate {
  #opened = Promise.withResolvers<boolean>()
  #isOpen = false
  #inside = 0
  #emptied: (() => void) | undefined
  /** Turns that ended since the gate was opened, and what to do at so many of them. */
  #turns = 0
  #awaited: { readonly turns: number; readonly reached: () => void } | undefined

  /** Runs `turn` again and again; ends when the gate is ended. */
  async repeat(turn: () => Promise<void>): Promise<void> {
    while (await this.#opened.promise) {
      this.#inside++
      try {
        await turn()
      } finally {
        this.#inside--
        this.#turns++
        if (this.#inside === 0) this.#emptied?.()
        if (this.#awaited !== undefined && this.#turns >= this.#awaited.turns) this.#awaited.reached()
      }
    }
  }

  open(): void {
    this.#isOpen = true
    this.#turns = 0
    this.#opened.resolve(true)
  }

  /** Resolves when so many turns have ended since it was opened, or when the time is over. */
  async after(turns: number, atMostMs: number): Promise<void> {
    const reached = Promise.withResolvers<void>()
    this.#awaited = { turns, reached: reached.resolve }
    const over = setTimeout(reached.resolve, atMostMs)
    await reached.promise
    clearTimeout(over)
    this.#awaited = undefined
  }

  /** Resolves when all are at rest. */
  async close(): Promise<void> {
    if (this.#isOpen) this.#opened = Promise.withResolvers<boolean>()
    this.#isOpen = false
    if (this.#inside === 0) return
    const emptied = Promise.withResolvers<void>()
    this.#emptied = emptied.resolve
    await emptied.promise
    this.#emptied = undefined
  }

  /** For good; only while it is closed. */
  end(): void {
    this.#opened.resolve(false)
  }
}

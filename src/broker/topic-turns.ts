/**
 * Lets requests to a topic go on in the order in which they came, though some need longer to get ready. A turn is the
 * synchronous part of a step: what it started may still be under way when the next one has its turn.
 */
export class TopicTurns {
  /** By topic, until the last request that came has had its turn. */
  readonly #last = new Map<string, Promise<void>>()

  /** Takes the step once the request is ready and those before it had their turns; in this call where that is so now. */
  take<Ready, Result>(
    topic: string,
    ready: Ready | Promise<Ready>,
    step: (ready: Ready) => Promise<Result>,
  ): Promise<Result> {
    const before = this.#last.get(topic)
    if (before === undefined && !(ready instanceof Promise)) return step(ready)
    return this.#takeLater(topic, before, ready, step)
  }

  async #takeLater<Ready, Result>(
    topic: string,
    before: Promise<void> | undefined,
    ready: Ready | Promise<Ready>,
    step: (ready: Ready) => Promise<Result>,
  ): Promise<Result> {
    const turn = Promise.withResolvers<void>()
    this.#last.set(topic, turn.promise)
    let result: Promise<Result>
    try {
      const made = await ready
      await before
      result = step(made)
    } finally {
      // One that did not get ready leaves its place too, and nobody passes it to get ahead of those before.
      await before
      turn.resolve()
      if (this.#last.get(topic) === turn.promise) this.#last.delete(topic)
    }
    return result
  }
}

/** Lets so many steps run at the same time; the others wait in order. */
export class ConcurrencyLimit {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(limit: number) {
    this.#free = limit
  }

  async run<T>(step: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await step()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }

  /** Runs the step for every item; rejects with the first error when all have ended. */
  async forEach<T>(items: Iterable<T>, step: (item: T) => Promise<void>): Promise<void> {
    const results = await Promise.allSettled([...items].map((item) => this.run(() => step(item))))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
  }
}

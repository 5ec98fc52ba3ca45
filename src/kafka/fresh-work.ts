/**
 * Work that many ask for: one is under way and one waits, however many they are. Who asks gets what began after that, so
 * that it is never older than the question.
 */
export class FreshWork {
  readonly #work: () => Promise<void>
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  get isIdle(): boolean {
    return this.#running === undefined && this.#next === undefined
  }

  /** Rejects as the work does. */
  run(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#work().finally(() => (this.#running = undefined))
      return this.#running
    }
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = undefined
        return this.run()
      })
    return this.#next
  }
}

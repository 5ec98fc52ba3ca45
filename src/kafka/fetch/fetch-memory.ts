/**
 * Bounds what brokers may send us at the same time: who would have more than is free waits, first come, first served. What
 * is asked for is counted until the answer came, whatever its size.
 */
export class FetchMemory {
  readonly #maxBytes: number
  #usedBytes = 0
  readonly #waiting: { readonly bytes: number; readonly go: () => void }[] = []

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** @param bytes may be more than there is: it then has all of it */
  async hold<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const held = Math.min(bytes, this.#maxBytes)
    if (this.#waiting.length > 0 || this.#usedBytes + held > this.#maxBytes) await this.#turn(held)
    else this.#usedBytes += held
    try {
      return await work()
    } finally {
      this.#usedBytes -= held
      this.#admit()
    }
  }

  #turn(bytes: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ bytes, go: resolve })
    })
  }

  #admit(): void {
    for (;;) {
      const [next] = this.#waiting
      if (next === undefined || this.#usedBytes + next.bytes > this.#maxBytes) return
      this.#waiting.shift()
      this.#usedBytes += next.bytes
      next.go()
    }
  }
}

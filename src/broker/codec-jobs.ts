/** Few of the threads of libuv's pool: the others are for the disk, whose writes the answers wait for. */
const AT_ONCE = 2

/** Runs work on other threads, so much of it at the same time, in the order in which it came. */
export class CodecJobs {
  readonly #atOnce: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(atOnce = AT_ONCE) {
    this.#atOnce = atOnce
  }

  async run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#running < this.#atOnce) this.#running++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await job()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}

import { once } from 'node:events'
import process from 'node:process'
import type { Writable } from 'node:stream'

/** What is given to a stream at once. */
const GATHERED_BYTES = 64 * 1024

/** Writes many lines to a stream without holding more of them than it takes. */
export class LineWriter {
  readonly #stream: Writable
  #text = ''
  #isFull = false

  constructor(stream: Writable) {
    this.#stream = stream
    // Whoever reads has seen enough (`| head`): that is no failure.
    stream.on('error', (error) => {
      if (!('code' in error) || error.code !== 'EPIPE') throw error
      process.exit()
    })
  }

  /** True: wait for `drained` before the next lines. */
  write(text: string): boolean {
    this.#text += `${text}\n`
    if (this.#text.length >= GATHERED_BYTES) this.flush()
    return this.#isFull
  }

  flush(): void {
    if (this.#text !== '' && !this.#stream.write(this.#text)) this.#isFull = true
    this.#text = ''
  }

  async drained(): Promise<void> {
    if (this.#isFull && this.#stream.writableNeedDrain) await once(this.#stream, 'drain')
    this.#isFull = false
  }

  async end(): Promise<void> {
    this.flush()
    await this.drained()
  }
}

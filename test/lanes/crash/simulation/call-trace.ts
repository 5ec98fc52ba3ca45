import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Call } from '../../../support/memory-file-system.ts'

const LINES_AT_ONCE = 200

/** What a run did to its disks, call by call, as one hash: two runs of a seed that differ in anything differ in it. */
export class CallTrace {
  readonly #hash = createHash('sha256')
  #lines: string[] = []
  #calls = 0

  get calls(): number {
    return this.#calls
  }

  add({ kind, path, position = -1, buffers = [], error = '' }: Call): void {
    let checksum = 0
    let bytes = 0
    for (const buffer of buffers) {
      checksum = crc32(buffer, checksum)
      bytes += buffer.length
    }
    this.note(`${kind} ${path} ${position} ${bytes} ${checksum} ${error}`)
    this.#calls++
  }

  /** Something else that two runs must have in common. */
  note(line: string): void {
    this.#lines.push(line)
    if (this.#lines.length === LINES_AT_ONCE) this.#flush()
  }

  #flush(): void {
    this.#hash.update(this.#lines.join('\n'))
    this.#lines = []
  }

  digest(): string {
    this.#flush()
    return this.#hash.copy().digest('hex').slice(0, 16)
  }
}

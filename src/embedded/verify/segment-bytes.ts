import type { FileHandle } from '../file-system.ts'
import type { ExpectedPiece } from './expected-partition.ts'
import type { WantedBytes } from '../log/byte-window.ts'

/** What a segment holds once a start has laid the journal's bytes over its file. */
export class SegmentBytes {
  readonly #file: FileHandle | undefined
  readonly #pieces: readonly ExpectedPiece[]
  readonly #onRead: (bytes: number) => void
  #readTo = 0

  /**
   * @param onRead told of bytes when they are read for the first time: a batch that does not fit in what was read is read
   * again from its beginning
   * @param file undefined where there is none: all that is not in the journal is missing then
   */
  constructor(file: FileHandle | undefined, pieces: readonly ExpectedPiece[], onRead: (bytes: number) => void) {
    this.#file = file
    this.#pieces = pieces
    this.#onRead = onRead
  }

  /** Fewer bytes than wanted where the file ends before. */
  async read({ position, length }: WantedBytes): Promise<Buffer> {
    const laid = this.#pieces.filter(
      (piece) =>
        'bytes' in piece.content && piece.position < position + length && position < piece.position + piece.lengthBytes,
    )
    if (laid.length === 0) return await this.#readFile(position, length)
    const fromFile = await this.#readFile(position, length)
    const whole = Buffer.alloc(length)
    fromFile.copy(whole)
    let known = fromFile.length
    for (const { content, position: start } of laid) {
      if (!('bytes' in content)) continue
      const from = Math.max(0, position - start)
      const at = Math.max(0, start - position)
      const end = at + content.bytes.copy(whole, at, from)
      if (at <= known) known = Math.max(known, end)
    }
    return whole.subarray(0, known)
  }

  async #readFile(position: number, length: number): Promise<Buffer> {
    if (!this.#file) return Buffer.alloc(0)
    const bytes = await this.#file.read(position, length)
    const end = position + bytes.length
    if (end > this.#readTo) this.#onRead(end - Math.max(this.#readTo, position))
    this.#readTo = Math.max(this.#readTo, end)
    return bytes
  }
}

/** Runs a check that asks for bytes to its end. */
export async function answered(check: Generator<WantedBytes, void, Buffer>, bytes: SegmentBytes): Promise<void> {
  let step = check.next()
  while (!step.done) step = check.next(await bytes.read(step.value))
}

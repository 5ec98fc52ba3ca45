import type { ReadCursor } from '../../broker/cursor.ts'

/** Kept for streams that lag; the newest is kept whatever its size. */
const MAX_BYTES = 1024 * 1024

interface NumberedFrames {
  readonly number: number
  readonly bytes: Buffer
  /** Behind them. */
  readonly stand: ReadCursor
}

/** The last frames of a feed, numbered in their order. */
export class RecentFrames {
  #frames: NumberedFrames[] = []
  #bytes = 0
  /** The number that the next frames get. */
  next = 0

  add(bytes: Buffer, stand: ReadCursor): NumberedFrames {
    const added = { number: this.next, bytes, stand }
    this.next += 1
    this.#frames.push(added)
    this.#bytes += bytes.length
    while (this.#bytes > MAX_BYTES && this.#frames.length > 1) this.#bytes -= this.#frames.shift()?.bytes.length ?? 0
    return added
  }

  /** Undefined where they are not kept any more. */
  find(number: number): NumberedFrames | undefined {
    return this.#frames[number - (this.#frames[0]?.number ?? this.next)]
  }

  clear(): void {
    this.#frames = []
    this.#bytes = 0
  }
}

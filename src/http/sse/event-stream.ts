import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { HeldReply } from '../reply-admission.ts'

/**
 * The body of one stream's reply. It holds nothing itself: what is sent goes to the socket, and who sends looks before
 * whether there is room. A connection whose client takes nothing for `reply.timeout.ms` is ended as any other, so what is
 * sent at once has to be of a size that is taken in that time.
 */
export class EventStream extends Readable {
  readonly #response: ServerResponse
  readonly #held: HeldReply
  #started = false
  #finished = false
  #taken: PromiseWithResolvers<void> | undefined

  constructor(response: ServerResponse, held: HeldReply) {
    // Nothing is asked for ahead of what the socket takes.
    super({ highWaterMark: 0 })
    this.#response = response
    this.#held = held
    // The reply ends with the connection: one that was a stream is not used again, and frames need no chunks around them.
    response.useChunkedEncodingByDefault = false
  }

  /** The socket has as much as it may hold. */
  get isFull(): boolean {
    return !this.#started || this.#response.writableNeedDrain
  }

  /** Resolves when there is room again, or nobody to send to. */
  taken(): Promise<void> {
    if (this.destroyed || !this.isFull) return Promise.resolve()
    this.#taken ??= Promise.withResolvers<void>()
    return this.#taken.promise
  }

  /** What all streams and pages hold is as much as it may be. */
  get isServerFull(): boolean {
    return this.#held.isFull
  }

  send(frames: Buffer): void {
    if (this.destroyed || this.#finished) return
    this.push(frames)
    this.#held.resize(this.#response.writableLength + this.readableLength)
  }

  /** The last frames; the connection ends behind them. */
  finish(frames: Buffer): void {
    if (this.destroyed || this.#finished) return
    this.#finished = true
    this.push(frames)
    this.push(null)
  }

  /** Ends the connection with whatever its client has not taken. */
  cut(): void {
    if (!this.destroyed) this.#response.destroy()
  }

  override _read(): void {
    this.#started = true
    this.#held.resize(this.#response.writableLength + this.readableLength)
    this.#wake()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#held.close()
    this.#wake()
    done(error)
  }

  #wake(): void {
    this.#taken?.resolve()
    this.#taken = undefined
  }
}

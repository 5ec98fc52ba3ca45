import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { HeldReply } from '../reply-admission.ts'

/** A client that has not taken so much is waited for before more is stored. */
const UNTAKEN_MAX_BYTES = 256 * 1024

/** The reply to a stream of lines while it goes on: one JSON object a line. */
export class ResultLines extends Readable {
  readonly #response: ServerResponse
  readonly #held: HeldReply
  #taken: PromiseWithResolvers<void> | undefined

  constructor(response: ServerResponse, held: HeldReply) {
    super({ highWaterMark: 0 })
    this.#response = response
    this.#held = held
  }

  send(line: object): void {
    if (this.destroyed) return
    this.push(`${JSON.stringify(line)}\n`)
    this.#held.resize(this.#untaken)
  }

  /** Resolves when its client has taken enough of it, or is gone. */
  async room(): Promise<void> {
    while (!this.destroyed && this.#untaken > UNTAKEN_MAX_BYTES) await this.#change()
  }

  /** Everything was told. */
  finish(): void {
    this.push(null)
  }

  /**
   * Ends the reply without its end, so that nobody takes it for whole. Resolves when all of it is on its way: the
   * connection is half closed then.
   */
  async breakOff(): Promise<void> {
    while (!this.destroyed && this.readableLength > 0) await this.#change()
    const { socket } = this.#response
    // What the socket has not sent yet goes before its end.
    if (socket !== null) socket.end()
    // Behind another reply of the connection: when this one has its turn, and is written.
    else this.#response.once('socket', (assigned: Socket) => setImmediate(() => assigned.end()))
  }

  override _read(): void {
    this.#held.resize(this.#untaken)
    this.#wake()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#held.close()
    this.#wake()
    done(error)
  }

  get #untaken(): number {
    return this.readableLength + this.#response.writableLength
  }

  #change(): Promise<void> {
    if (this.#taken === undefined) {
      this.#taken = Promise.withResolvers<void>()
      this.#response.once('drain', () => this.#wake())
    }
    return this.#taken.promise
  }

  #wake(): void {
    this.#taken?.resolve()
    this.#taken = undefined
  }
}

import type { Readable } from 'node:stream'
import { BrokerError } from '../../broker/broker-error.ts'
import type { Clock } from '../../broker/clock.ts'
import { connectionEnded } from '../request-body.ts'

/** Taken from the connection ahead of what is asked for. */
const AHEAD_BYTES = 128 * 1024

/** What `next` gives where nothing came in time. */
export const LATE = Symbol('late')

export interface BodyPiecesOptions {
  readonly clock: Clock
  /** `request.idle.timeout.ms` */
  readonly idleTimeoutMs: number
}

/** The pieces of a body one after the other. While none is asked for the connection is held back. */
export class BodyPieces {
  readonly #body: Readable
  readonly #packed: Readable
  readonly #options: BodyPiecesOptions
  #pieces: Buffer[] = []
  #bytes = 0
  #lastByteAt: number
  #ended = false
  /** Known behind the pieces that came before it. */
  #error: Error | undefined
  /** Known at once. */
  #failure: Error | undefined
  #wake: (() => void) | undefined

  /** @param packed what comes over the connection: the body itself, or what it is unpacked from */
  constructor(body: Readable, packed: Readable, options: BodyPiecesOptions) {
    this.#body = body
    this.#packed = packed
    this.#options = options
    this.#lastByteAt = options.clock.monotonic()
    body.on('data', this.#onData)
    body.on('end', this.#onEnd)
    body.on('error', this.#onError)
    body.on('close', this.#onClose)
    packed.on('data', this.#onPacked)
  }

  /**
   * The next piece, undefined behind the last, LATE where none came by this time (monotonic). Rejects where the body
   * broke off, where no byte came for the idle time, and after `fail`.
   */
  async next(byMs = Infinity): Promise<Buffer | undefined | typeof LATE> {
    const { clock, idleTimeoutMs } = this.#options
    const askedAt = clock.monotonic()
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      const piece = this.#pieces.shift()
      if (piece !== undefined) return this.#given(piece)
      if (this.#error !== undefined) throw this.#error
      if (this.#ended) return undefined
      const now = clock.monotonic()
      if (now >= byMs) return LATE
      // While nobody asked, nothing could come.
      const idleAt = Math.max(this.#lastByteAt, askedAt) + idleTimeoutMs
      if (now >= idleAt) throw idle(idleTimeoutMs)
      await this.#something(Math.min(byMs, idleAt) - now)
    }
  }

  /** `next` rejects from now on, whatever has come. */
  fail(error: Error): void {
    this.#failure ??= error
    this.#wake?.()
  }

  /** Nothing is asked for any more: what comes is let go. */
  close(): void {
    this.fail(closed)
    this.#pieces = []
    this.#body.off('data', this.#onData)
    this.#packed.off('data', this.#onPacked)
    if (this.#body !== this.#packed) this.#body.destroy()
  }

  #given(piece: Buffer): Buffer {
    this.#bytes -= piece.length
    if (this.#bytes < AHEAD_BYTES) this.#body.resume()
    return piece
  }

  #something(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel()
        this.#wake = undefined
        resolve()
      }
      const timer = this.#options.clock.setTimer(withinMs, done)
      this.#wake = done
    })
  }

  readonly #onData = (piece: Buffer): void => {
    this.#lastByteAt = this.#options.clock.monotonic()
    this.#pieces.push(piece)
    this.#bytes += piece.length
    if (this.#bytes >= AHEAD_BYTES) this.#body.pause()
    this.#wake?.()
  }

  /** What comes packed may be long in showing. */
  readonly #onPacked = (): void => {
    this.#lastByteAt = this.#options.clock.monotonic()
  }

  readonly #onEnd = (): void => {
    this.#ended = true
    this.#wake?.()
  }

  readonly #onError = (cause: Error): void => {
    this.#error ??= cause instanceof BrokerError ? cause : connectionEnded(cause)
    this.#wake?.()
  }

  readonly #onClose = (): void => {
    if (!this.#ended) this.#onError(connectionEnded())
  }
}

const closed = new Error('nobody reads the body any more')

function idle(timeoutMs: number): BrokerError {
  return new BrokerError(
    'REQUEST_TIMEOUT',
    `No byte of the body came for ${timeoutMs} ms (request.idle.timeout.ms). A blank line now and then keeps a stream open.`,
    { stored: 'no' },
  )
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import { BrokerError } from '../broker/broker-error.ts'
import './route-config.ts'

/** A body above this is large: all large ones together get at most this share, so that small ones always find room. */
const LARGE_BODY_BYTES = 1024 * 1024
const LARGE_BODIES_SHARE = 3 / 4
/** The reply to a publish of many records is as large as what was made of its body. */
const LARGE_REPLY_BYTES = 64 * 1024

/**
 * Bounds the memory of request bodies: from its headers on if they tell its length, else as it grows, until the request
 * needs neither the body nor what was made of it any more. `FastifyRequest.heldBytes` is what a request holds.
 */
export class BodyAdmission {
  readonly #maxBytes: number
  readonly #onRefusal: () => void
  #bytes = 0

  constructor(maxBytes: number, onRefusal: () => void) {
    this.#maxBytes = maxBytes
    this.#onRefusal = onRefusal
  }

  /** Held by all requests now. */
  get bytes(): number {
    return this.#bytes
  }

  /** Lets the request hold so many bytes more. One request is admitted alone, whatever its size: that is bounded too. */
  admit(request: FastifyRequest, bytes: number): BrokerError | undefined {
    const held = request.heldBytes + bytes
    const others = this.#bytes - request.heldBytes
    const max = held > LARGE_BODY_BYTES ? this.#maxBytes * LARGE_BODIES_SHARE : this.#maxBytes
    if (others > 0 && others + held > max) return this.#refused(held)
    request.heldBytes = held
    this.#bytes += bytes
    return undefined
  }

  /** The request is answered. What it holds is given free: at once, or, behind a large reply, when its client has taken that. */
  answered(request: FastifyRequest, reply: FastifyReply, payload: unknown): void {
    if (typeof payload === 'string' && payload.length > LARGE_REPLY_BYTES) {
      reply.raw.on('close', () => this.#release(request))
    } else this.#release(request)
  }

  #release(request: FastifyRequest): void {
    this.#bytes -= request.heldBytes
    request.heldBytes = 0
  }

  #refused(bytes: number): BrokerError {
    this.#onRefusal()
    return new BrokerError(
      'SERVER_OVERLOADED',
      `${this.#bytes} bytes of requests are under way, of at most ${this.#maxBytes} (request.inflight.max.bytes): ` +
        `there is no room for the ${bytes} bytes of this one. Send it again in a moment.`,
      { stored: 'no', retryAfterSeconds: 1 },
    )
  }
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import { BrokerError } from '../broker/broker-error.ts'
import type { Clock, Timer } from '../broker/clock.ts'
import './route-config.ts'

/** A body above this is large. Large ones get three quarters of the room, the others have the last one for themselves. */
const LARGE_BODY_BYTES = 1024 * 1024
const LARGE_BODIES_SHARE = 3 / 4
/** The reply to a publish of many records may be larger than its body; smaller ones the kernel takes at once. */
const LARGE_REPLY_BYTES = 64 * 1024
/** Of a body that waits Node has read up to 128 KiB: all together stay below the room that they wait for. */
const WAITING_MAX = 500

export interface BodyLimits {
  /** `request.inflight.max.bytes` */
  readonly maxBytes: number
  /** `request.admission.wait.ms` */
  readonly waitMs: number
}

/** A request, as far as it is counted. */
export type BodyHolder = Pick<FastifyRequest, 'heldBytes' | 'madeBytes'>

/** Told once: undefined where there is room now, and the request has it. */
type RoomCallback = (refused: BrokerError | undefined) => void

interface WaitingBody {
  readonly request: BodyHolder
  readonly bytes: number
  readonly done: RoomCallback
  readonly timer: Timer
}

/**
 * Bounds the memory of request bodies: from its headers on if they tell its length, else as it grows, until the request
 * needs neither the body nor what was made of it any more. `FastifyRequest.heldBytes` is what a request holds.
 *
 * Who finds no room waits for it, large and small bodies in a line each. While a large one waits, small ones take no more
 * than the quarter that is theirs: so neither waits for ever behind the other.
 */
export class BodyAdmission {
  readonly #limits: BodyLimits
  readonly #clock: Clock
  readonly #onRefusal: () => void
  readonly #small: WaitingBody[] = []
  readonly #large: WaitingBody[] = []
  #bytes = 0
  /** Of these, what requests hold that hold more than a small body. */
  #largeBytes = 0
  /** Of these, what was made of bodies. */
  #madeBytes = 0
  /** Called when room was given free. */
  onFreed: (() => void) | undefined

  constructor(limits: BodyLimits, clock: Clock, onRefusal: () => void) {
    this.#limits = limits
    this.#clock = clock
    this.#onRefusal = onRefusal
  }

  /** Held by all requests now. */
  get bytes(): number {
    return this.#bytes
  }

  /** Bodies that wait for room. */
  get waiting(): number {
    return this.#small.length + this.#large.length
  }

  /** True where something may be made of a further body: there is room, or nobody else's work will make room. */
  get mayBeWorkedOn(): boolean {
    return this.#bytes <= this.#limits.maxBytes || this.#madeBytes === 0
  }

  /** Lets the request hold so many bytes more. False: there is no room, or others wait for it. */
  admits(request: BodyHolder, bytes: number): boolean {
    const held = request.heldBytes + bytes
    if (request.heldBytes === 0 && this.#lineOf(held).length > 0) return false
    if (!this.#fits(request, held)) return false
    this.#grow(request, held)
    return true
  }

  /**
   * Waits until the request may hold so many bytes more; where that takes too long `done` gets the error. A request that
   * holds something already goes first: others cannot use what it has.
   *
   * @returns what ends the wait, for a client that has gone: `done` is not called then. Undefined: it is refused already
   */
  wait(request: BodyHolder, bytes: number, done: RoomCallback): (() => void) | undefined {
    const { waitMs } = this.#limits
    if (waitMs === 0 || this.waiting >= WAITING_MAX) {
      done(this.#refused(bytes, ''))
      return undefined
    }
    const line = this.#lineOf(request.heldBytes + bytes)
    const timer = this.#clock.setTimer(waitMs, () => {
      leave()
      done(this.#refused(bytes, `, nor was there within ${waitMs} ms (request.admission.wait.ms)`))
    })
    const body: WaitingBody = { request, bytes, done, timer }
    const leave = (): void => {
      timer.cancel()
      const place = line.indexOf(body)
      if (place >= 0) line.splice(place, 1)
      // It may have kept others from their room.
      this.#serve()
    }
    if (request.heldBytes > 0) line.unshift(body)
    else line.push(body)
    return leave
  }

  /** What was made of a body counts as well. It is there, so it is not refused: further bodies wait instead. */
  made(request: BodyHolder, bytes: number): void {
    request.madeBytes += bytes
    this.#madeBytes += bytes
    this.took(request, bytes)
  }

  /** The request holds so many bytes more, which is not refused. */
  took(request: BodyHolder, bytes: number): void {
    this.#grow(request, request.heldBytes + bytes)
  }

  /** A part of what the request holds is not needed any more, of which so much was made of its body. */
  shrink(request: BodyHolder, bytes: number, madeBytes: number): void {
    request.madeBytes -= madeBytes
    this.#madeBytes -= madeBytes
    this.#hold(request, request.heldBytes - bytes)
    if (this.waiting > 0) this.#serve()
    this.onFreed?.()
  }

  /**
   * The request is answered: its body, and what was made of it, are not needed any more. A large reply counts in their
   * place until its client has taken it.
   */
  answered(request: FastifyRequest, reply: FastifyReply, payload: unknown): void {
    const replyBytes = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload.length : 0
    // A client that has gone already takes nothing: its reply was closed before this listener came.
    if (replyBytes > LARGE_REPLY_BYTES && !request.raw.socket.destroyed) {
      reply.raw.on('close', () => this.release(request))
      this.#keep(request, replyBytes)
    } else this.release(request)
  }

  /** Ends all waits with this error. */
  refuseWaiting(error: BrokerError): void {
    for (const { timer, done } of [...this.#large.splice(0), ...this.#small.splice(0)]) {
      timer.cancel()
      done(error)
    }
  }

  /** The request is over: what it holds is given free. */
  release(request: BodyHolder): void {
    this.#keep(request, 0)
  }

  /** Of what was made of bodies nothing: who waits for a turn to work does not wait for clients that do not read. */
  #keep(request: BodyHolder, bytes: number): void {
    this.#madeBytes -= request.madeBytes
    request.madeBytes = 0
    this.#hold(request, bytes)
    if (this.waiting > 0) this.#serve()
    this.onFreed?.()
  }

  /** A request that becomes large leaves the room of the small ones to others. */
  #grow(request: BodyHolder, held: number): void {
    const before = request.heldBytes
    this.#hold(request, held)
    if (before > 0 && before <= LARGE_BODY_BYTES && held > LARGE_BODY_BYTES && this.#small.length > 0) this.#serve()
  }

  #hold(request: BodyHolder, bytes: number): void {
    const before = request.heldBytes
    request.heldBytes = bytes
    this.#bytes += bytes - before
    this.#largeBytes += (bytes > LARGE_BODY_BYTES ? bytes : 0) - (before > LARGE_BODY_BYTES ? before : 0)
  }

  /** The first of either kind is admitted whatever its size, which is bounded elsewhere. */
  #fits({ heldBytes }: BodyHolder, held: number): boolean {
    const { maxBytes } = this.#limits
    const wasLarge = heldBytes > LARGE_BODY_BYTES
    const large = this.#largeBytes - (wasLarge ? heldBytes : 0)
    const small = this.#bytes - this.#largeBytes - (wasLarge ? 0 : heldBytes)
    const withinAll = large + small + held <= maxBytes
    const smallShare = maxBytes * (1 - LARGE_BODIES_SHARE)
    if (held <= LARGE_BODY_BYTES) {
      return small === 0 || (withinAll && (this.#large.length === 0 || small + held <= smallShare))
    }
    return (large === 0 || large + held <= maxBytes * LARGE_BODIES_SHARE) && (withinAll || small <= smallShare)
  }

  #lineOf(held: number): WaitingBody[] {
    return held > LARGE_BODY_BYTES ? this.#large : this.#small
  }

  #serve(): void {
    for (const line of [this.#large, this.#small]) {
      for (let body = line[0]; body !== undefined; body = line[0]) {
        const { request, bytes, done, timer } = body
        if (!this.#fits(request, request.heldBytes + bytes)) break
        line.shift()
        timer.cancel()
        this.#hold(request, request.heldBytes + bytes)
        done(undefined)
      }
    }
  }

  #refused(bytes: number, after: string): BrokerError {
    this.#onRefusal()
    return new BrokerError(
      'SERVER_OVERLOADED',
      `${this.#bytes} bytes of requests are under way, of at most ${this.#limits.maxBytes} (request.inflight.max.bytes): ` +
        `there is no room for the ${bytes} bytes of this one${after}. Send it again in a moment.`,
      { stored: 'no', retryAfterSeconds: 1 },
    )
  }
}

import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { BrokerError } from '../broker/broker-error.ts'
import type { Clock } from '../broker/clock.ts'
import type { BodyAdmission } from './body-admission.ts'
import type { BodyBuffers } from './body-buffers.ts'
import { discardRest } from './discarded-body.ts'
import { consumedBy, JSON_MEDIA_TYPE } from './media-types.ts'

/** How often bodies under way are looked at: a late one is given up this much later at most. */
const SWEEP_INTERVAL_MS = 1000

export interface RequestBodyLimits {
  readonly requestMaxBytes: number
  readonly requestIdleTimeoutMs: number
}

type BodyCallback = (error: Error | null, body?: Buffer) => void

/**
 * Reads request bodies into one buffer each, whole: the size is limited, and a body of which no byte comes for a time is
 * given up. One timer watches all bodies under way.
 */
export class RequestBodies {
  readonly #limits: RequestBodyLimits
  readonly #clock: Clock
  readonly #buffers: BodyBuffers
  readonly #admission: BodyAdmission
  readonly #underWay = new Set<BodyUnderWay>()
  #sweeping = false

  constructor(limits: RequestBodyLimits, clock: Clock, buffers: BodyBuffers, admission: BodyAdmission) {
    this.#limits = limits
    this.#clock = clock
    this.#buffers = buffers
    this.#admission = admission
  }

  /** A content type parser of fastify. */
  readonly parse = (request: FastifyRequest, payload: IncomingMessage, done: BodyCallback): void => {
    const refused = encodingRefused(request)
    if (refused !== undefined) return done(refused)
    const length = request.headers['content-length']
    if (length !== undefined && Number(length) > this.#limits.requestMaxBytes) return done(this.#tooLarge(length))
    if (length !== undefined && !this.#admission.admits(request, Number(length))) {
      return this.#whenRoom(request, payload, Number(length), done)
    }
    this.#read(request, payload, length === undefined, done)
  }

  /** Until somebody listens for it, Node takes no more than a piece of the body: then TCP holds its client back. */
  #whenRoom(request: FastifyRequest, payload: IncomingMessage, bytes: number, done: BodyCallback): void {
    const gone = (): void => {
      leave?.()
      done(connectionEnded())
    }
    const leave = this.#admission.wait(request, bytes, (refused) => {
      payload.off('close', gone)
      if (refused !== undefined) done(refused)
      else this.#read(request, payload, false, done)
    })
    if (leave !== undefined) payload.once('close', gone)
  }

  /** @param grows whether its length is not known, and it is admitted piece by piece */
  #read(request: FastifyRequest, payload: IncomingMessage, grows: boolean, done: BodyCallback): void {
    const body = new BodyUnderWay(payload, this.#limits.requestMaxBytes, this.#clock, (error) => {
      this.#underWay.delete(body)
      if (error === null) done(null, this.#buffers.gather(body.takeChunks(), body.sizeBytes))
      else done(error === tooLong ? this.#tooLarge() : error)
    })
    if (grows) {
      body.room = {
        admits: (bytes) => this.#admission.admits(request, bytes),
        wait: (bytes, then) => this.#admission.wait(request, bytes, then),
      }
    }
    this.#underWay.add(body)
    if (!this.#sweeping) this.#sweepLater()
  }

  #sweepLater(): void {
    this.#sweeping = true
    this.#clock.setTimer(Math.min(SWEEP_INTERVAL_MS, this.#limits.requestIdleTimeoutMs), () => {
      this.#sweeping = false
      const { requestIdleTimeoutMs } = this.#limits
      const latest = this.#clock.monotonic() - requestIdleTimeoutMs
      for (const body of this.#underWay) if (body.lastByteAt <= latest) body.giveUp(idle(requestIdleTimeoutMs))
      if (this.#underWay.size > 0) this.#sweepLater()
    })
  }

  #tooLarge(length?: string): BrokerError {
    const { requestMaxBytes } = this.#limits
    const size = length === undefined ? 'more' : `${length} bytes long`
    return new BrokerError(
      'REQUEST_TOO_LARGE',
      `The body is ${size}; at most ${requestMaxBytes} bytes are taken (request.max.bytes). Send the records in several requests.`,
      { stored: 'no', facts: { maxBytes: requestMaxBytes } },
    )
  }
}

/** Asked before a piece of a body is kept; see BodyAdmission. */
interface RoomToGrow {
  admits(bytes: number): boolean
  wait(bytes: number, done: (refused: BrokerError | undefined) => void): (() => void) | undefined
}

const tooLong = new Error('the body is longer than allowed')

class BodyUnderWay {
  lastByteAt: number
  /** Of a body whose length is not known. */
  room: RoomToGrow | undefined
  sizeBytes = 0
  #chunks: Buffer[] = []
  readonly #payload: IncomingMessage
  readonly #maxBytes: number
  readonly #clock: Clock
  readonly #done: (error: Error | null) => void
  #over = false
  #leaveLine: (() => void) | undefined

  constructor(payload: IncomingMessage, maxBytes: number, clock: Clock, done: (error: Error | null) => void) {
    this.#payload = payload
    this.#maxBytes = maxBytes
    this.#clock = clock
    this.#done = done
    this.lastByteAt = clock.monotonic()
    payload.on('data', this.#onData)
    payload.on('end', this.#onEnd)
    payload.on('error', this.#onError)
  }

  giveUp(error: Error): void {
    if (this.#over) return
    this.#over = true
    this.#payload.off('data', this.#onData)
    this.takeChunks()
    discardRest(this.#payload)
    if (this.#leaveLine !== undefined) this.#endWait()
    this.#done(error)
  }

  /** The listeners live as long as the request, its pieces do not. */
  takeChunks(): Buffer[] {
    const chunks = this.#chunks
    this.#chunks = []
    return chunks
  }

  readonly #onData = (chunk: Buffer): void => {
    this.lastByteAt = this.#clock.monotonic()
    this.sizeBytes += chunk.length
    if (this.sizeBytes > this.#maxBytes) return this.giveUp(tooLong)
    this.#chunks.push(chunk)
    if (this.room !== undefined && !this.room.admits(chunk.length)) this.#waitFor(this.room, chunk.length)
  }

  #waitFor(room: RoomToGrow, bytes: number): void {
    this.#payload.pause()
    this.#leaveLine = room.wait(bytes, (refused) => {
      this.#leaveLine = undefined
      this.lastByteAt = this.#clock.monotonic()
      if (refused !== undefined) this.giveUp(refused)
      this.#payload.resume()
    })
  }

  #endWait(): void {
    this.#leaveLine?.()
    this.#leaveLine = undefined
    this.#payload.resume()
  }

  // The listeners stay: taking them off costs more than what they hold, which goes with the request.
  readonly #onEnd = (): void => {
    if (this.#over) return
    this.#over = true
    this.#done(null)
  }

  readonly #onError = (cause: Error): void => {
    this.giveUp(connectionEnded(cause))
  }
}

function connectionEnded(cause?: Error): BrokerError {
  return new BrokerError('INVALID_REQUEST', 'The connection ended within the body.', { stored: 'no', cause })
}

function idle(timeoutMs: number): BrokerError {
  return new BrokerError(
    'REQUEST_TIMEOUT',
    `No byte of the body came for ${timeoutMs} ms (request.idle.timeout.ms); nothing was stored.`,
    { stored: 'no' },
  )
}

function encodingRefused(request: FastifyRequest): BrokerError | undefined {
  const encoding = request.headers['content-encoding']
  if (encoding === undefined || encoding === 'identity') return undefined
  return new BrokerError(
    'UNSUPPORTED_MEDIA_TYPE',
    `The Content-Encoding ${JSON.stringify(encoding.slice(0, 64))} is not taken: send the body without one.`,
    { stored: 'no' },
  )
}

/** Answers any content type but the path's own: the remedy is the curl line that works. */
export function refuseContentType(request: FastifyRequest, _payload: IncomingMessage, done: BodyCallback): void {
  const type = request.headers['content-type']
  const given = type === undefined ? 'no Content-Type' : `the Content-Type ${JSON.stringify(type.slice(0, 64))}`
  const taken = consumedBy(request)
  const json = taken === JSON_MEDIA_TYPE
  const data = json ? '--data @body.json' : '--data-binary @body.bin'
  const curl = `curl -X ${request.method} -H 'Content-Type: ${taken}' ${data} 'http://${hostOf(request)}${request.url}'`
  done(
    new BrokerError(
      'UNSUPPORTED_MEDIA_TYPE',
      `The body came with ${given}; this path takes ${json ? 'JSON' : taken}: ${curl}`,
      { stored: 'no' },
    ),
  )
}

function hostOf(request: FastifyRequest): string {
  return request.headers.host ?? 'localhost'
}

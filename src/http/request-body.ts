import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { BrokerError } from '../broker/broker-error.ts'
import type { Clock } from '../broker/clock.ts'
import type { BodyAdmission } from './body-admission.ts'
import type { BodyBuffers } from './body-buffers.ts'
import { contentEncodingOf, type ContentEncoding } from './content-encoding.ts'
import { DecodedBody } from './decoded-body.ts'
import { discardRest } from './discarded-body.ts'
import { consumedBy, JSON_MEDIA_TYPE, LINES_MEDIA_TYPE } from './media-types.ts'

/** How often bodies under way are looked at: a late one is given up this much later at most. */
const SWEEP_INTERVAL_MS = 1000

export interface RequestBodyLimits {
  readonly requestMaxBytes: number
  readonly requestIdleTimeoutMs: number
}

type BodyCallback = (error: Error | null, body?: Buffer | IncomingMessage) => void

/** A content type parser of fastify. */
export type BodyParser = (request: FastifyRequest, payload: IncomingMessage, done: BodyCallback) => void

/**
 * Reads request bodies into one buffer each, whole and without their Content-Encoding: the size is limited, also that of
 * what is unpacked, and a body of which no byte comes for a time is given up. One timer watches all bodies under way.
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

  readonly parse: BodyParser = (request, payload, done) => {
    const length = request.headers['content-length']
    if (length !== undefined && Number(length) > this.#limits.requestMaxBytes) return done(this.#tooLarge(length))
    let encoding: ContentEncoding | undefined
    try {
      encoding = contentEncodingOf(request.headers)
    } catch (error) {
      return done(error instanceof Error ? error : new Error(String(error)))
    }
    // How long it is without its encoding shows when it is unpacked.
    if (encoding !== undefined) return this.#read(request, payload, true, done, encoding)
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
  #read(
    request: FastifyRequest,
    payload: IncomingMessage,
    grows: boolean,
    done: BodyCallback,
    encoding?: ContentEncoding,
  ): void {
    const body = new BodyUnderWay(payload, encoding, this.#limits.requestMaxBytes, this.#clock, (error) => {
      this.#underWay.delete(body)
      if (error === null) done(null, this.#gathered(body, encoding))
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

  /** A piece of what was unpacked may be a small part of its memory. */
  #gathered(body: BodyUnderWay, encoding: ContentEncoding | undefined): Buffer {
    const chunks = body.takeChunks()
    return encoding !== undefined && chunks.length === 1
      ? Buffer.concat(chunks, body.sizeBytes)
      : this.#buffers.gather(chunks, body.sizeBytes)
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
    const size = length === undefined ? 'longer' : `${length} bytes long`
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
  /** The payload, or what is unpacked of it. */
  readonly #body: Readable
  readonly #maxBytes: number
  readonly #clock: Clock
  readonly #done: (error: Error | null) => void
  #over = false
  #leaveLine: (() => void) | undefined

  constructor(
    payload: IncomingMessage,
    encoding: ContentEncoding | undefined,
    maxBytes: number,
    clock: Clock,
    done: (error: Error | null) => void,
  ) {
    this.#payload = payload
    this.#body = encoding === undefined ? payload : new DecodedBody(payload, encoding)
    this.#maxBytes = maxBytes
    this.#clock = clock
    this.#done = done
    this.lastByteAt = clock.monotonic()
    this.#body.on('data', this.#onData)
    this.#body.on('end', this.#onEnd)
    this.#body.on('error', this.#onError)
    if (encoding !== undefined) payload.on('data', this.#onPacked)
  }

  giveUp(error: Error): void {
    if (this.#over) return
    this.#over = true
    this.#body.off('data', this.#onData)
    this.takeChunks()
    if (this.#body !== this.#payload) this.#body.destroy()
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
    this.#body.pause()
    this.#leaveLine = room.wait(bytes, (refused) => {
      this.#leaveLine = undefined
      this.lastByteAt = this.#clock.monotonic()
      if (refused !== undefined) this.giveUp(refused)
      this.#body.resume()
    })
  }

  #endWait(): void {
    this.#leaveLine?.()
    this.#leaveLine = undefined
    this.#body.resume()
  }

  /** What comes packed may be long in showing. */
  readonly #onPacked = (): void => {
    this.lastByteAt = this.#clock.monotonic()
  }

  // The listeners stay: taking them off costs more than what they hold, which goes with the request.
  readonly #onEnd = (): void => {
    if (this.#over) return
    this.#over = true
    this.#done(null)
  }

  readonly #onError = (cause: Error): void => {
    this.giveUp(cause instanceof BrokerError ? cause : connectionEnded(cause))
  }
}

export function connectionEnded(cause?: Error): BrokerError {
  return new BrokerError('INVALID_REQUEST', 'The connection ended within the body.', { stored: 'no', cause })
}

function idle(timeoutMs: number): BrokerError {
  return new BrokerError(
    'REQUEST_TIMEOUT',
    `No byte of the body came for ${timeoutMs} ms (request.idle.timeout.ms); nothing was stored.`,
    { stored: 'no' },
  )
}

/** Answers any content type but the path's own: the remedy is the curl line that works. */
export function refuseContentType(request: FastifyRequest, _payload: IncomingMessage, done: BodyCallback): void {
  const type = request.headers['content-type']
  const given = type === undefined ? 'no Content-Type' : `the Content-Type ${JSON.stringify(type.slice(0, 64))}`
  const taken = consumedBy(request)
  const json = taken === JSON_MEDIA_TYPE
  const data = json ? '--data @body.json' : `--data-binary @body.${taken === LINES_MEDIA_TYPE ? 'ndjson' : 'bin'}`
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

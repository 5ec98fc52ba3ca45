import type { FastifyBaseLogger } from 'fastify'
import type { Clock } from '../broker/clock.ts'
import type { BodyBuffers } from './body-buffers.ts'
import type { Controller } from './controller.ts'
import type { LineLimits } from './controllers/lines-controller.ts'
import type { HttpLoad, HttpLoadLimits } from './http-load.ts'

/** All that the HTTP server needs from outside; `app.ts` puts it together. */
export interface ServerDependencies {
  readonly controllers: readonly Controller[]
  /** Where bodies are put; the controllers give those back that they have done with. */
  readonly bodyBuffers: BodyBuffers
  /** One for all servers: it bounds what their requests hold together. */
  readonly load: HttpLoad
  /** A pino instance. */
  readonly logger: FastifyBaseLogger
  readonly clock: Clock
  readonly options: HttpOptions
  /** From its abort on, requests are answered 503 SERVER_STOPPING and the connection is closed. */
  readonly stopping: AbortSignal
  /** Asked once an operation, by its id: what is returned is told of every answer. */
  readonly observeOperation?: (operationId: string) => AnswerObserver
}

export type AnswerObserver = (statusCode: number, durationMs: number) => void

export interface HttpOptions {
  /** `request.max.bytes`: the largest request body. */
  readonly requestMaxBytes: number
  /** `request.idle.timeout.ms`: a body of which no byte came for this long is given up (408). */
  readonly requestIdleTimeoutMs: number
  /** `request.body.timeout.ms`: a whole request has to arrive within this time (408). */
  readonly requestTimeoutMs: number
  /** `request.headers.timeout.ms`: the headers have to arrive within this time (408). */
  readonly headersTimeoutMs: number
  /** `max.connections`: open at the same time; further ones are closed at once. */
  readonly maxConnections: number
  /** `connections.max.idle.ms`: a connection on which no request came for so long is closed. */
  readonly connectionsMaxIdleMs: number
  /** `reply.timeout.ms`: a client that does not take a reply within this time is cut off. */
  readonly replyTimeoutMs: number
  /** `connection.inflight.max.requests`: a connection with more is closed. */
  readonly connectionInflightMaxRequests: number
  /** `allowed.hosts`: names other than loopback that a loopback listener answers to. */
  readonly allowedHosts: readonly string[]
  /** `cors.allowed.origins`: origins of other sites that may call this server; `*` = all. */
  readonly corsAllowedOrigins: readonly string[]
}

export const defaultHttpOptions: HttpOptions = {
  requestMaxBytes: 32 * 1024 * 1024,
  requestIdleTimeoutMs: 30_000,
  requestTimeoutMs: 300_000,
  headersTimeoutMs: 10_000,
  maxConnections: 10_000,
  connectionsMaxIdleMs: 600_000,
  replyTimeoutMs: 120_000,
  connectionInflightMaxRequests: 128,
  allowedHosts: [],
  corsAllowedOrigins: [],
}

/** What all requests may hold, as the configuration has it by default. */
export const defaultLoadLimits: HttpLoadLimits = {
  requestInflightMaxBytes: 64 * 1024 * 1024,
  requestAdmissionWaitMs: 1000,
  fetchInflightMaxBytes: 64 * 1024 * 1024,
}

/** Limits of requests and pages as the configuration has them by default. */
export const defaultRecordLimits: LineLimits = {
  requestIdleTimeoutMs: defaultHttpOptions.requestIdleTimeoutMs,
  requestMaxBytes: defaultHttpOptions.requestMaxBytes,
  requestMaxRecords: 100_000,
  recordMaxHeaders: 100,
  pageDefaultRecords: 500,
  pageMaxRecords: 10_000,
  pageDefaultBytes: 1024 * 1024,
  pageMaxBytes: 16 * 1024 * 1024,
  pageMaxWaitMs: 30_000,
}

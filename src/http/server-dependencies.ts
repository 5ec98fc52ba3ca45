import type { FastifyBaseLogger } from 'fastify'
import type { Clock } from '../broker/clock.ts'
import type { Controller } from './controller.ts'

/** All that the HTTP server needs from outside; `app.ts` puts it together. */
export interface ServerDependencies {
  readonly controllers: readonly Controller[]
  /** A pino instance. */
  readonly logger: FastifyBaseLogger
  readonly clock: Clock
  readonly options: HttpOptions
  /** From its abort on, requests are answered 503 SERVER_STOPPING and the connection is closed. */
  readonly stopping: AbortSignal
}

export interface HttpOptions {
  /** `request.max.bytes`: the largest request body. */
  readonly requestMaxBytes: number
  /** `request.idle.timeout.ms`: a body of which no byte came for this long is given up (408). */
  readonly requestIdleTimeoutMs: number
  /** `request.body.timeout.ms`: a whole request has to arrive within this time (408). */
  readonly requestTimeoutMs: number
  /** `request.headers.timeout.ms`: the headers have to arrive within this time (408). */
  readonly headersTimeoutMs: number
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
  allowedHosts: [],
  corsAllowedOrigins: [],
}

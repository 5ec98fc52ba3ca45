import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { BrokerError } from '../broker/broker-error.ts'
import type { Clock } from '../broker/clock.ts'
import type { ErrorCode } from '../broker/error-catalogue.ts'

/** An outage is over when nothing was refused for so long. */
const QUIET_MS = 10_000
/** One that goes on is told of this often. */
const TOLD_EVERY_MS = 60_000

/** Load that is shed, and a stop that somebody asked for: see HttpLoad. */
const expected: ReadonlySet<ErrorCode> = new Set(['SERVER_OVERLOADED', 'SERVER_STOPPING'])

interface Outage {
  readonly beganAt: number
  lastAt: number
  toldAt: number
  readonly refused: Map<ErrorCode, number>
}

/**
 * Tells the log of requests that were refused. A line by which an operator finds the one that a client asks about is written
 * at `debug`, without what is in the request. What the server has no answer for (503) may befall every request for hours: it is
 * told once when it begins, once a minute with counts while it lasts, and once when it is over. Surprises are told one by
 * one, with where they came from.
 */
export class RefusalLog {
  readonly #clock: Clock
  readonly #logger: FastifyBaseLogger
  #outage: Outage | undefined

  constructor(clock: Clock, logger: FastifyBaseLogger) {
    this.#clock = clock
    this.#logger = logger
  }

  /** @param known what the client is told */
  refused(error: unknown, known: BrokerError, { id: requestId, method, url }: FastifyRequest): void {
    const { status, code, message } = known
    const facts = { requestId, method, url, status, code }
    if (code === 'UNKNOWN_SERVER_ERROR') {
      this.#logger.error({ ...facts, err: error }, 'a request met an unexpected error')
    } else if (status !== 503 || expected.has(code)) this.#logger.debug(facts, 'refused a request')
    else {
      this.#logger.debug({ ...facts, reason: message }, 'a request could not be served')
      this.#count(code, message)
    }
  }

  #count(code: ErrorCode, reason: string): void {
    const now = this.#clock.monotonic()
    if (this.#outage === undefined) {
      this.#outage = { beganAt: now, lastAt: now, toldAt: now, refused: new Map() }
      this.#logger.warn({ code, reason }, 'requests cannot be served')
      this.#lookLater(QUIET_MS)
    }
    const { refused } = this.#outage
    this.#outage.lastAt = now
    refused.set(code, (refused.get(code) ?? 0) + 1)
  }

  #lookLater(delayMs: number): void {
    this.#clock.setTimer(delayMs, () => this.#look())
  }

  #look(): void {
    const outage = this.#outage
    if (outage === undefined) return
    const now = this.#clock.monotonic()
    const facts = { forMs: Math.round(outage.lastAt - outage.beganAt), refused: Object.fromEntries(outage.refused) }
    if (now - outage.lastAt >= QUIET_MS) {
      this.#outage = undefined
      this.#logger.info(facts, 'no more requests are refused')
      return
    }
    if (now - outage.toldAt >= TOLD_EVERY_MS) {
      outage.toldAt = now
      this.#logger.warn(facts, 'requests still cannot be served')
    }
    this.#lookLater(Math.max(outage.lastAt + QUIET_MS - now, 1))
  }
}

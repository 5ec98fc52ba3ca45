import type { FastifyBaseLogger } from 'fastify'
import type { Clock } from '../broker/clock.ts'
import type { HttpStatistics, ShedReason } from '../observability/http-statistics.ts'
import { BodyAdmission } from './body-admission.ts'
import { PublishTurns } from './publish-turns.ts'
import { RefusalLog } from './refusal-log.ts'
import { ReplyAdmission } from './reply-admission.ts'

export interface HttpLoadLimits {
  /** `request.inflight.max.bytes` */
  readonly requestInflightMaxBytes: number
  /** `request.admission.wait.ms` */
  readonly requestAdmissionWaitMs: number
  /** `fetch.inflight.max.bytes` */
  readonly fetchInflightMaxBytes: number
}

/** Under load every request may be shed: the log tells of it this often. */
const TOLD_EVERY_MS = 60_000

/** What all requests together may hold, over all listeners, and what becomes known of those that were not served. */
export class HttpLoad {
  readonly bodies: BodyAdmission
  readonly replies: ReplyAdmission
  readonly publishTurns: PublishTurns
  readonly refusals: RefusalLog
  readonly #shed: Record<ShedReason, number> = {
    'request-bytes': 0,
    'reply-bytes': 0,
    pipelining: 0,
    'reply-timeout': 0,
  }
  readonly #clock: Clock
  readonly #logger: FastifyBaseLogger
  #toldAt = -Infinity

  constructor(limits: HttpLoadLimits, clock: Clock, logger: FastifyBaseLogger) {
    this.#clock = clock
    this.#logger = logger
    this.refusals = new RefusalLog(clock, logger)
    const { requestInflightMaxBytes: maxBytes, requestAdmissionWaitMs: waitMs } = limits
    this.bodies = new BodyAdmission({ maxBytes, waitMs }, clock, () => this.shed('request-bytes'))
    this.publishTurns = new PublishTurns(() => this.bodies.mayBeWorkedOn)
    this.bodies.onFreed = () => this.publishTurns.freed()
    this.replies = new ReplyAdmission(limits.fetchInflightMaxBytes, () => this.shed('reply-bytes'))
  }

  /** A request was not served, or a connection was closed, so that the others can be. */
  shed(reason: ShedReason): void {
    this.#shed[reason]++
    const now = this.#clock.monotonic()
    if (now - this.#toldAt < TOLD_EVERY_MS) return
    this.#toldAt = now
    const facts = { reason, requestBytes: this.bodies.bytes, replyBytes: this.replies.bytes }
    this.#logger.warn(facts, 'shedding load: clients are refused or cut off; posthorn_http_shed_total counts them')
  }

  statistics(): HttpStatistics {
    return { requestBytes: this.bodies.bytes, replyBytes: this.replies.bytes, shed: this.#shed }
  }
}

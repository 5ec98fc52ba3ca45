import { BrokerError } from '../broker/broker-error.ts'
import type { ClusterOptions } from './cluster-options.ts'
import { answeredErrors, asBrokerError, isConnectionFailure, isCredentialsFailure, isPassing } from './kafka-errors.ts'
import { stoppingError } from './stopping-error.ts'
import { pause } from './time-limits.ts'

export interface AttemptOptions {
  /** How long it is tried in all; default: `default.api.timeout.ms`. */
  readonly timeoutMs?: number
  /**
   * May it be done twice? Where not, it is not sent again once it was sent, unless a broker said that it did not do it.
   * Default: true.
   */
  readonly repeatable?: boolean
  /** Completes "The cluster refused …": `to create the topic "a"`. */
  readonly doing: string
}

export interface AttemptSurroundings {
  readonly options: ClusterOptions
  readonly stopping: AbortSignal
  /** False while no node answers: then nothing is tried again for long. */
  readonly isReachable: () => boolean
  /** Between two tries: what is known of the cluster may be why the first one failed. */
  readonly lookAgain: () => Promise<void>
}

const REQUEST_TIMED_OUT = 7

/** Tries a call again where that is safe and worth it; what comes out is a BrokerError, or what it resolved with. */
export class CallAttempts {
  readonly #around: AttemptSurroundings

  constructor(around: AttemptSurroundings) {
    this.#around = around
  }

  /** @param attempt rejects as the library does, with Unsent where nothing was sent, or with a BrokerError, which is final */
  async repeat<T>(options: AttemptOptions, attempt: () => Promise<T>): Promise<T> {
    const { stopping, lookAgain } = this.#around
    const { clock, apiTimeoutMs } = this.#around.options
    const deadline = clock.monotonic() + (options.timeoutMs ?? apiTimeoutMs)
    for (let failures = 0; ; failures++) {
      if (stopping.aborted) throw stoppingError()
      try {
        return await attempt()
      } catch (error) {
        if (stopping.aborted) throw stoppedError(error, options)
        const left = deadline - clock.monotonic()
        if (left <= 0 || !this.#isWorthAnother(error, options, failures)) throw finalError(error, options)
        await pause(Math.min(this.backoffMs(failures), left), clock, stopping)
        await lookAgain().catch(() => {})
      }
    }
  }

  /** How long to wait after so many failures: longer each time, and never the same for all. */
  backoffMs(failures: number): number {
    const { retryBackoffMs, retryBackoffMaxMs, random } = this.#around.options
    return Math.min(retryBackoffMs * 2 ** failures, retryBackoffMaxMs) * (0.8 + 0.4 * random())
  }

  #isWorthAnother(error: unknown, options: AttemptOptions, failures: number): boolean {
    const cause = sent(error)
    if (cause instanceof BrokerError) return error instanceof Unsent && cause.retriable
    if (isCredentialsFailure(cause)) return false
    if (isConnectionFailure(cause)) {
      const safe = error instanceof Unsent || options.repeatable !== false
      return safe && (this.#around.isReachable() || failures === 0)
    }
    const answered = answeredErrors(cause)
    if (answered.length === 0) return false
    return answered.every(
      ({ kafkaCode }) => isPassing(kafkaCode) && (options.repeatable !== false || kafkaCode !== REQUEST_TIMED_OUT),
    )
  }
}

/** A failure before anything was sent. */
export class Unsent extends Error {
  override readonly cause: unknown

  constructor(cause: unknown) {
    super('not sent')
    this.cause = cause
  }
}

/** Of what was to be known or made before the call itself: whatever became of that, the call was not sent. */
export function unsent<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw error instanceof Unsent || answeredErrors(error).length > 0 ? error : new Unsent(error)
  })
}

/** What is behind it, whether something was sent or not. */
export function sent(error: unknown): unknown {
  return error instanceof Unsent ? error.cause : error
}

/** Of a call that was under way when the gateway stopped. */
function stoppedError(error: unknown, options: AttemptOptions): BrokerError {
  if (error instanceof Unsent) return stoppingError()
  if (!isConnectionFailure(error) || options.repeatable === false) return finalError(error, options)
  const { message, code } = stoppingError()
  return new BrokerError(code, message, { retryAfterSeconds: 5, cause: error })
}

function finalError(error: unknown, { doing, repeatable }: AttemptOptions): BrokerError {
  if (error instanceof Unsent) return asBrokerError(error.cause, doing, { stored: 'no' })
  return asBrokerError(error, doing, repeatable === false && isConnectionFailure(error) ? { stored: 'unknown' } : {})
}

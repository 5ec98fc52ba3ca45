import { metadataV12 } from '@platformatic/kafka'
import { BrokerError } from '../broker/broker-error.ts'
import type { Timer } from '../broker/clock.ts'
import type { Trouble } from '../broker/engine.ts'
import { StartupError } from '../broker/startup-error.ts'
import type { ClusterClient } from './cluster-client.ts'
import { isCertificateFailure, isConnectionFailure, rootMessage, withErrorsInIt } from './kafka-errors.ts'
import { pause, withinMs } from './time-limits.ts'

/** A cluster that is silent for so long is asked whether it is there, and has the limit to say so: in all below 2 s. */
const PROBE_INTERVAL_MS = 800
const PROBE_LIMIT_MS = 900
const PROBE_DELAY_MIN_MS = 50
/** How long a start waits for a cluster that cannot be reached. */
const FIRST_CONTACT_MS = 10_000

/** Of a `ClusterClient`. */
export type WatchedCluster = Pick<
  ClusterClient,
  'answered' | 'connectionTo' | 'lastAnswerAt' | 'metadata' | 'options' | 'reachable' | 'refresh' | 'stopping'
>

/** Knows whether the cluster answers, and keeps what is known of it from growing old. */
export class ClusterWatch {
  readonly #client: WatchedCluster
  #timer: Timer | undefined
  #silence: string | undefined
  #silentSince = 0
  #refreshedAt = 0
  #stopped = false

  constructor(client: WatchedCluster) {
    this.#client = client
  }

  /** Resolves when the cluster was seen once; rejects with StartupError. */
  async firstContact(): Promise<void> {
    const { clock, bootstrapServers, retryBackoffMaxMs } = this.#client.options
    const deadline = clock.monotonic() + FIRST_CONTACT_MS
    const servers = bootstrapServers.map(({ host, port }) => `${host}:${port}`).join(',')
    for (;;) {
      try {
        await this.#client.refresh()
        this.#refreshedAt = clock.monotonic()
        return
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error
        if (isForGood(error) || clock.monotonic() >= deadline) {
          const told = error.message.replace(/ Send the request again\.$/, '')
          throw new StartupError(`bootstrap.servers=${servers}: ${told}`, { cause: error })
        }
        await pause(retryBackoffMaxMs, clock, this.#client.stopping)
      }
    }
  }

  start(): void {
    const { clock } = this.#client.options
    const silentMs = this.#silence === undefined ? clock.monotonic() - this.#client.lastAnswerAt : 0
    const delayMs = Math.max(PROBE_INTERVAL_MS - silentMs, PROBE_DELAY_MIN_MS)
    this.#timer = clock.setTimer(delayMs, () => void this.#look())
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  troubles(): Trouble[] {
    if (this.#silence === undefined) return []
    const seconds = Math.round((this.#client.options.clock.monotonic() - this.#silentSince) / 1000)
    const detail = `no node of the Kafka cluster has answered for ${seconds} s: ${this.#silence}`
    return [{ kind: 'cluster-unreachable', detail, notReady: true }]
  }

  async #look(): Promise<void> {
    await this.#probe()
    await this.#refreshWhenOld()
    if (!this.#stopped) this.start()
  }

  /** Nothing is asked while answers come in by themselves. */
  async #probe(): Promise<void> {
    const { clock } = this.#client.options
    const { nodes } = this.#client.metadata
    // Nodes that the controller has lost sight of tell of none, themselves included, until it sees them again.
    if (nodes.size === 0) return this.#unheard(noNodes())
    if (clock.monotonic() - this.#client.lastAnswerAt < PROBE_INTERVAL_MS) return this.#heard()
    const asked = [...nodes.keys()].map((nodeId) => this.#ask(nodeId))
    try {
      await Promise.any(asked)
      this.#heard()
    } catch (error) {
      this.#unheard(error instanceof AggregateError ? error.errors[0] : error)
    }
  }

  async #ask(nodeId: number): Promise<void> {
    await withinMs(this.#askAtLeisure(nodeId), PROBE_LIMIT_MS, this.#client.options.clock)
    this.#client.answered()
  }

  async #askAtLeisure(nodeId: number): Promise<void> {
    const connection = await this.#client.connectionTo(nodeId, 'control')
    await withErrorsInIt(metadataV12.api.async(connection, [], false, false))
  }

  #heard(): void {
    this.#client.reachable = true
    if (this.#silence === undefined) return
    const silentMs = Math.round(this.#client.options.clock.monotonic() - this.#silentSince)
    this.#silence = undefined
    this.#client.options.logger.info({ silentMs }, 'the cluster answers again')
    void this.#refresh()
  }

  #unheard(error: unknown): void {
    const { clock, logger } = this.#client.options
    const first = this.#silence === undefined
    if (!(error instanceof BrokerError) && !isConnectionFailure(error)) throw error
    this.#silence = rootMessage(error)
    // All nodes we know may have gone to other addresses: those we began with may know them.
    if (!this.#stopped) void this.#refresh()
    if (!first) return
    this.#silentSince = Math.max(this.#client.lastAnswerAt, 0)
    this.#client.reachable = false
    logger.warn({ sinceMs: clock.monotonic() - this.#silentSince }, `the cluster does not answer: ${this.#silence}`)
  }

  async #refreshWhenOld(): Promise<void> {
    const { clock, metadataMaxAgeMs } = this.#client.options
    if (this.#silence === undefined && clock.monotonic() - this.#refreshedAt >= metadataMaxAgeMs) await this.#refresh()
  }

  async #refresh(): Promise<void> {
    try {
      await this.#client.refresh()
      this.#refreshedAt = this.#client.options.clock.monotonic()
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
    }
  }
}

function noNodes(): BrokerError {
  return new BrokerError('BROKER_NOT_AVAILABLE', 'The cluster knows of no node that is there now.')
}

/** Nobody but an operator mends it. */
function isForGood(error: BrokerError): boolean {
  return !error.retriable || error.code === 'SASL_AUTHENTICATION_FAILED' || isCertificateFailure(error)
}

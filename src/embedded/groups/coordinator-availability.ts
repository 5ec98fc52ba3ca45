import { BrokerError } from '../../broker/broker-error.ts'
import type { Trouble } from '../../broker/engine.ts'
import type { TopicSummary } from '../../broker/topic-store.ts'
import { groupPartition } from './group-partition.ts'
import type { LoadReport } from './offsets-loader.ts'
import { OFFSETS_TOPIC } from './offsets-topic.ts'

const NOTHING_AMISS: Omit<LoadReport, 'recordCount'> = { unavailable: new Set(), damage: [] }

/** Whether groups can be served: not before what is known of them was read back, and not where that failed. */
export class CoordinatorAvailability {
  readonly #offsetsTopic: () => TopicSummary | undefined
  #state: 'loading' | 'ready' | 'failed' | 'closed' = 'loading'
  #report = NOTHING_AMISS

  constructor(offsetsTopic: () => TopicSummary | undefined) {
    this.#offsetsTopic = offsetsTopic
  }

  get isReady(): boolean {
    return this.#state === 'ready'
  }

  loaded(report: Omit<LoadReport, 'recordCount'>): void {
    this.#report = report
    if (this.#state === 'loading') this.#state = 'ready'
  }

  failed(): void {
    if (this.#state === 'loading') this.#state = 'failed'
  }

  close(): void {
    this.#state = 'closed'
  }

  /**
   * Throws why calls cannot be served.
   *
   * @param group absent where the call is about all groups
   */
  check(group?: string): void {
    if (this.#state === 'ready' && this.#report.unavailable.size === 0) return
    if (this.#state === 'closed') throw new BrokerError('SERVER_STOPPING', 'The server is stopping; try another time.')
    if (this.#state === 'loading') {
      throw new BrokerError(
        'COORDINATOR_LOAD_IN_PROGRESS',
        'Consumer groups and committed offsets are still being read back after the start; try again in a second.',
        { retryAfterSeconds: 1 },
      )
    }
    if (this.#state === 'failed' || (group !== undefined && this.#isUnavailable(group))) {
      throw new BrokerError(
        'COORDINATOR_NOT_AVAILABLE',
        'The committed offsets could not be read when the server started; /health/ready and the log say why.',
        { retryAfterSeconds: 30 },
      )
    }
  }

  /** Whether the group's calls are served. */
  serves(group: string): boolean {
    return this.#state === 'ready' && !this.#isUnavailable(group)
  }

  /** @param offsetCount how many committed offsets are known by now */
  troubles(offsetCount: number): readonly Trouble[] {
    const { unavailable, damage } = this.#report
    const troubles: Trouble[] = damage.map((detail) => ({ kind: 'committed-offsets-damaged', detail, notReady: false }))
    if (this.#state === 'loading') {
      const detail = `Committed offsets are being read back: ${offsetCount} so far`
      troubles.push({ kind: 'coordinator-loading', detail, notReady: true })
    }
    if (this.#state === 'failed' || unavailable.size > 0) {
      const which = this.#state === 'failed' ? 'All' : `Partitions ${[...unavailable].join(', ')}`
      const detail = `${which} of ${OFFSETS_TOPIC} could not be read: their groups are unavailable until a restart`
      troubles.push({ kind: 'coordinator-unavailable', detail, notReady: false })
    }
    return troubles
  }

  /** Whether the group's records could not be read to their end. */
  #isUnavailable(group: string): boolean {
    const { unavailable } = this.#report
    const topic = this.#offsetsTopic()
    return unavailable.size > 0 && topic !== undefined && unavailable.has(groupPartition(group, topic.partitionCount))
  }
}

import type { Clock, Timer } from '../../broker/clock.ts'
import type { Logger } from '../../broker/logger.ts'
import type { OffsetsExpirySettings } from './group-coordinator-options.ts'
import type { GroupLedger } from './group-ledger.ts'
import type { GroupStep } from './group-step.ts'
import type { OffsetStaging } from './offset-staging.ts'
import type { OffsetRow } from './offset-table.ts'
import { WorkTurns } from './work-turns.ts'

export interface OffsetsExpiryOptions extends OffsetsExpirySettings {
  readonly ledger: GroupLedger
  readonly staging: OffsetStaging
  /** False until the group is read back, and again when groups are closed. */
  readonly isServed: (group: string) => boolean
  readonly clock: Clock
  readonly logger: Logger
}

/** Share of the retention time: a day of the week that is its default. */
const RENEWED_AT = 1 / 7

/**
 * Forgets committed offsets that nobody renewed for long, and then the groups that have neither members nor offsets: the
 * rule of Kafka's `OffsetMetadataManager.cleanupExpiredOffsets` for the groups of KIP-848. An offset counts from its
 * commit; those of topics that a member is subscribed to stay, and are renewed from time to time: else a group whose
 * members are away for a moment would lose its place in a topic in which nothing came for long.
 */
export class OffsetsExpiry {
  readonly #options: OffsetsExpiryOptions
  #timer: Timer | undefined
  #check: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: OffsetsExpiryOptions) {
    this.#options = options
  }

  start(): void {
    const { clock, checkIntervalMs } = this.#options
    if (this.#closed) return
    this.#timer = clock.setTimer(checkIntervalMs, () => {
      this.#check = this.check()
      void this.#check.then(() => this.start())
    })
  }

  /** Resolves when no check is under way any more. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    await this.#check
  }

  /** Looks at all groups, in turns of the event loop; never rejects. */
  async check(): Promise<void> {
    const { ledger, clock, mayDeleteAfter, retentionMs } = this.#options
    if (!mayDeleteAfter(retentionMs)) return
    const turns = new WorkTurns(clock)
    // Names alone are kept between turns: the table may change meanwhile.
    for (const group of new Set([...ledger.memberships().keys(), ...ledger.offsets.groups()])) {
      while (turns.isOver) await turns.next()
      if (this.#closed) return
      if (this.#options.isServed(group) && this.#isConcerned(group)) await this.#expire(group)
    }
  }

  /** Seen from outside of a step: what is decided in one is decided anew. */
  #isConcerned(group: string): boolean {
    const { ledger } = this.#options
    const rows = [...ledger.offsets.rows(group)]
    const subscribed = subscribedTopics(ledger, group)
    if (rows.some((row) => this.#isExpired(row, subscribed) || this.#isToRenew(row, subscribed))) return true
    return rows.length === 0 && subscribed === undefined
  }

  async #expire(group: string): Promise<void> {
    const { ledger, logger } = this.#options
    try {
      await ledger.submitAlone(group, (step) => {
        this.#stage(step)
        return () => undefined
      })
    } catch (error) {
      logger.warn({ group, err: error }, 'expired offsets could not be forgotten; it is tried again')
    }
  }

  #stage(step: GroupStep): void {
    const { ledger, staging } = this.#options
    const subscribed = subscribedTopics(ledger, step.group)
    staging.stageRemoval(step.offsets, (row) => this.#isExpired(row, subscribed))
    for (const row of step.offsets.rows()) {
      if (this.#isToRenew(row, subscribed)) step.offsets.put({ ...row, commitTimestamp: this.#options.clock.now() })
    }
    if (subscribed === undefined && step.offsets.rows().length === 0) step.deleteMembership()
  }

  #isToRenew({ topic, commitTimestamp }: OffsetRow, subscribed: ReadonlySet<string> | undefined): boolean {
    const { clock, retentionMs } = this.#options
    return subscribed?.has(topic) === true && clock.now() - commitTimestamp >= retentionMs * RENEWED_AT
  }

  #isExpired({ topic, commitTimestamp }: OffsetRow, subscribed: ReadonlySet<string> | undefined): boolean {
    const { clock, retentionMs } = this.#options
    return subscribed?.has(topic) !== true && clock.now() - commitTimestamp >= retentionMs
  }
}

/** Undefined where the group has no members. */
function subscribedTopics(ledger: GroupLedger, group: string): ReadonlySet<string> | undefined {
  const members = ledger.membership(group)?.state.members
  if (members === undefined || members.size === 0) return undefined
  return new Set([...members.values()].flatMap(({ metadata }) => metadata.topics))
}

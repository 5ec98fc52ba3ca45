import type { Logger } from '../../broker/logger.ts'
import type { OffsetRange, PartitionView } from './partition-view.ts'

/** Records that a read found damaged: from `from` up to, not including, `to`. */
export interface FoundDamage extends OffsetRange {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
}

/** Damaged stretches remembered. */
const DAMAGE_MAX = 1000

/** What was found damaged in the partitions of one log directory since the start; of deleted topics too. */
export class DamageLedger {
  readonly #logger: Logger
  readonly #found = new Map<string, FoundDamage>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  get all(): Iterable<FoundDamage> {
    return this.#found.values()
  }

  /** Keeps a stretch, and tells of it the first time. One that is met again may begin earlier. */
  note(view: PartitionView, { from, to }: OffsetRange): void {
    const { topic, topicId, partition, directory } = view
    const name = `${topicId}/${partition}/${to}`
    const known = this.#found.get(name)
    if (known ? known.from <= from : this.#found.size >= DAMAGE_MAX) return
    this.#found.set(name, { topic, topicId, partition, from, to })
    if (known) return
    const facts = { topic, partition, directory, from, to }
    this.#logger.error(facts, 'records are damaged on the disk; they are kept from readers')
  }
}

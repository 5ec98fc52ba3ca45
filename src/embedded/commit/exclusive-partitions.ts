import type { PartitionLog } from '../log/partition-log.ts'

/** Partitions that somebody wants, or has, for themselves: between two rounds, and while nothing else touches them. */
export class ExclusivePartitions {
  #waiting: { readonly log: PartitionLog; readonly granted: () => void }[] = []
  readonly #held = new Set<PartitionLog>()

  /** Resolves once the partition is the caller's, until `giveBack`. */
  ask(log: PartitionLog): Promise<void> {
    return new Promise((granted) => this.#waiting.push({ log, granted }))
  }

  giveBack(log: PartitionLog): void {
    this.#held.delete(log)
  }

  /** To be called between two rounds: partitions that nothing touches go to who wants them, in the order of asking. */
  grant(isTouched: (log: PartitionLog) => boolean): void {
    if (this.#waiting.length === 0) return
    this.#waiting = this.#waiting.filter(({ log, granted }) => {
      if (isTouched(log) || this.#held.has(log)) return true
      this.#held.add(log)
      granted()
      return false
    })
  }

  holds(log: PartitionLog): boolean {
    return this.#held.has(log)
  }

  get anyHeld(): boolean {
    return this.#held.size > 0
  }

  /** Nobody has or wants one. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#held.size === 0
  }
}

import type { Ratio } from './measure/statistics.ts'

/** One line of a printed table; what does not apply, or cannot be had on this system, is left out. */
export interface Row {
  readonly work: string
  /** How many partitions the work is spread over. */
  readonly partitions?: number | undefined
  readonly requestsPerSecond?: number | undefined
  readonly spreadPercent?: number | undefined
  readonly recordsPerSecond?: number | undefined
  /** Of values published (100 bytes a record), or of replies read. */
  readonly megabytesPerSecond?: number | undefined
  /** Than uncompressed batches of the same records. */
  readonly timesSmaller?: number | undefined
  readonly p50Ms?: number | undefined
  readonly p99Ms?: number | undefined
  readonly maxMs?: number | undefined
  readonly ratio?: Ratio | undefined
  /** CPU seconds per second of load. */
  readonly serverCores?: number | undefined
  readonly generatorCores?: number | undefined
  /** CPU of the server's main thread and of all its threads, microseconds a request. */
  readonly mainThreadUs?: number | undefined
  readonly serverUs?: number | undefined
  readonly rssMiB?: number | undefined
  readonly milliseconds?: number | undefined
  /** Failed and refused requests: a row with any is no figure. */
  readonly errors?: number | undefined
  /** Only rows of which a goal is known have it. */
  readonly mustReach?: Verdict | undefined
}

export function isFigure({ errors = 0 }: Row): boolean {
  return errors === 0
}

/** What a row must reach, and whether it did. */
export interface Verdict {
  readonly goal: string
  readonly met: boolean
}

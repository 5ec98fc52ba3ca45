import type { BodySet } from '../bodies.ts'
import type { Latencies } from './latency-histogram.ts'

/** What the generator process is asked to do, as JSON in its argument. */
export interface OpenLoopLoad {
  readonly origin: string
  readonly path: string
  readonly requestsPerSecond: number
  readonly warmUpSeconds: number
  readonly seconds: number
  readonly connections: number
  readonly publish: BodyFiles | NumberedRecords
}

/** The bodies of these files in turn; the latency is that of the reply. */
export interface BodyFiles extends BodySet {
  readonly kind: 'files'
}

/** Records that carry the number of their request; the latency is that of a consumer who long-polls for them. */
export interface NumberedRecords {
  readonly kind: 'numbered'
  readonly recordsPerRequest: number
  /** None where other processes consume. */
  readonly consumer: ConsumerOfPartition | ConsumerInGroup | undefined
}

export interface ConsumerOfPartition {
  readonly kind: 'partition'
  readonly path: string
}

/** The only member of its group; it commits all the while, on a connection of its own. */
export interface ConsumerInGroup {
  readonly kind: 'member'
  readonly group: string
  readonly topic: string
}

/** What it answers, as one line of JSON on its standard output. */
export interface OpenLoopResult {
  /** Requests counted, and the time from the first one's intended moment to the last answer. */
  readonly requests: number
  readonly seconds: number
  readonly errors: number
  /** When the first request was to be sent, of the clock that all processes share. */
  readonly beganMs: number
  /** From the intended moment of the request to its reply, or to the consumer that has the record. */
  readonly latencies: Latencies
  readonly cpuSeconds: number
}

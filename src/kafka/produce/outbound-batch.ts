import type { BrokerError } from '../../broker/broker-error.ts'
import type { Acks } from '../../broker/append-request.ts'

/** A record batch on its way to a partition. */
export interface OutboundBatch {
  readonly bytes: Buffer
  readonly recordCount: number
  readonly acks: Acks
  /** The most bytes that its topic takes in one batch. */
  readonly maxBatchBytes: number
  /** In the clock's monotonic milliseconds: then it is tried no more. */
  readonly deadline: number
  /** Called once. */
  readonly settle: (outcome: BatchOutcome) => void
}

export type BatchOutcome = StoredBatch | FailedBatch

export interface StoredBatch {
  readonly kind: 'stored'
  /** −1 where the acknowledgement vouches for nothing. */
  readonly baseOffset: number
  /** Unix milliseconds where the topic says LogAppendTime, else −1. */
  readonly logAppendTime: number
}

export interface FailedBatch {
  readonly kind: 'failed'
  /** `no` is a promise: it is not in the log, and will not be. */
  readonly stored: 'no' | 'unknown'
  readonly failure: BrokerError
}

/** One or several batches as one, as they are sent to a partition: the same bytes each time, until they are renumbered. */
export interface Shipment {
  /** Their places in the log follow each other. */
  readonly members: readonly OutboundBatch[]
  /** Theirs alone. */
  readonly bytes: Buffer
  readonly recordCount: number
  readonly acks: Acks
  /** Of its first record; −1 without a producer id. */
  sequence: number
  isInFlight: boolean
  /** A try of it may have stored it: it came to no answer, or to one that does not say. */
  isDoubtful: boolean
  /** Of the last try. */
  failure: BrokerError | undefined
}
